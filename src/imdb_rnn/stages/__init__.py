"""One thin module a DVC stage: read inputs, call the library, write outputs."""

import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from imdb_rnn.console import error_console
from imdb_rnn.errors import InputRefusedError
from imdb_rnn.params import Params, load_params


def run_stage(stage: Callable[[Params], None]) -> NoReturn:
    """Run a stage on the checked `params.yaml` of the working folder and exit.

    Exit codes: 0 done, 1 failed, 2 input refused, 130 interrupted, 143 terminated. A file that
    cannot be read or written ends in a sentence, any other failure in Python's traceback.
    """
    # As an exception, a request to stop lets a run in MLflow be closed as killed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        stage(load_params())
    except InputRefusedError as refusal:
        error_console.print(str(refusal), style="red")
        sys.exit(2)
    except OSError as fault:
        if fault.errno is None or fault.filename is None:
            raise
        file, cause = fault.filename2 or fault.filename, os.strerror(fault.errno)
        error_console.print(f"{file}: {cause}. Mend this and run `dvc repro` again.", style="red")
        sys.exit(1)
    except KeyboardInterrupt:
        error_console.print("Interrupted. `dvc repro` takes the work up again.")
        sys.exit(130)
    sys.exit(0)
