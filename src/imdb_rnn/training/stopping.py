"""Requests to stop that wait until a gradient step is done."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

from imdb_rnn.signals import answered_by


class StopRequest:
    """The signal that has asked to stop; none at first."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._deferring = ExitStack()
        self._deferring.enter_context(answered_by(self._receive))

    def __bool__(self) -> bool:
        return self._number is not None

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        self._number = number
        self.restore_handlers()  # a second one does not wait

    def restore_handlers(self) -> None:
        """Let signals act as they did before."""
        self._deferring.close()

    def deliver(self) -> None:
        """Let the signal act now."""
        if self._number is not None:
            signal.raise_signal(self._number)


@contextmanager
def deferred_stop() -> Iterator[StopRequest]:
    """Hold a signal to stop back until `deliver`, or until the block ends."""
    request = StopRequest()
    try:
        yield request
    finally:
        request.restore_handlers()
    request.deliver()
