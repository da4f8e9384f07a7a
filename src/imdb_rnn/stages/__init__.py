"""One thin module a DVC stage: read inputs, call the library, write outputs."""

import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from imdb_rnn.console import error_console
from imdb_rnn.errors import InputRefusedError
from imdb_rnn.params import Params, load_params


def run_stage(stage: Callable[[Params], None]) -> NoReturn:
    """Run a stage on the checked `params.yaml` of the working folder and exit.

    Exit codes: 0 done, 2 input refused, 130 interrupted, 143 terminated; any other failure is
    Python's own 1.
    """
    # As an exception, a request to stop lets a run in MLflow be closed as killed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        stage(load_params())
    except InputRefusedError as refusal:
        error_console.print(str(refusal), style="red")
        sys.exit(2)
    except KeyboardInterrupt:
        error_console.print("Interrupted; `dvc repro` starts this stage again.")
        sys.exit(130)
    sys.exit(0)
