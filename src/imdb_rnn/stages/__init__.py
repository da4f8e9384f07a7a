"""One thin module a DVC stage: read inputs, call the library, write outputs."""

import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from imdb_rnn.errors import ending_in_a_sentence
from imdb_rnn.params import Params, load_params


def run_stage(stage: Callable[[Params], None]) -> NoReturn:
    """Run a stage on the checked `params.yaml` of the working folder and exit.

    Exit codes: 0 done, 1 failed, 2 input refused, 130 interrupted, 143 terminated. A file that
    cannot be read or written ends in a sentence, any other failure in Python's traceback.
    """
    # As an exception, a request to stop lets a run in MLflow be closed as killed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with ending_in_a_sentence(
        remedy="Mend this and run `dvc repro` again.",
        interrupted="Interrupted. `dvc repro` takes the work up again.",
    ):
        stage(load_params())
    sys.exit(0)
