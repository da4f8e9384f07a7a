"""One thin module a DVC stage: read inputs, call the library, write outputs."""

import os
import signal
import sys
from types import FrameType
from typing import Final

from imdb_rnn.signals import (
    COMMAND,
    answer_requests,
    answered_by,
    end,
    end_with,
    is_orphan,
    started_by,
)

_STARTED_BY: Final = started_by()  # they may be gone when the imports are done

INTERRUPTED: Final = "Interrupted. `dvc repro` takes the work up again."


def _end_before_work(number: int, _: FrameType | None) -> None:
    """End while modules are imported: nothing is open yet, and some imports catch exceptions."""
    if number == signal.SIGINT:
        os.write(sys.stderr.fileno(), f"{INTERRUPTED}\n".encode())
    os._exit(128 + number)


if sys.argv[0] == "-m":  # Python is about to run a stage, which imports for seconds
    answer_requests(_end_before_work)

from collections.abc import Callable  # noqa: E402 - from here on, a request to end is answered
from typing import NoReturn  # noqa: E402 - as above

from imdb_rnn.config import Params, load_params  # noqa: E402 - as above
from imdb_rnn.errors import ending_in_a_sentence  # noqa: E402 - as above
from imdb_rnn.runtime.device import refuse_missing_device  # noqa: E402 - as above


def run_stage(stage: Callable[[Params], None]) -> NoReturn:
    """Run a stage on the checked `params.yaml` of the working folder and exit.

    Exit codes: 0 done, 1 failed, 2 input refused, 129 terminal closed, 130 interrupted, 143
    terminated, also when DVC, which has started it, is gone. A file that cannot be read or written
    ends in a sentence, any other failure in Python's traceback.
    """
    if "DVC_STAGE" in os.environ:
        if any(map(is_orphan, _STARTED_BY)):
            sys.exit(128 + signal.SIGTERM)
        end_with([*_STARTED_BY, *map(int, filter(None, [os.environ.get(COMMAND)]))])
    sentences = ending_in_a_sentence("Fix this and run `dvc repro` again.", INTERRUPTED)
    with answered_by(end), sentences:  # as an exception, which lets a run in MLflow be closed
        params = load_params()
        refuse_missing_device(params.train.device)
        stage(params)
    sys.exit(0)
