"""Notices when something slows a training down."""

import math
from bisect import insort
from typing import Final

from imdb_rnn.console import error_console

STEPS_TO_KNOW: Final = 20
"""How many steps it takes to know what is usual; the first ones are slow by themselves."""

TIMES_SLOWER: Final = 10.0

SECONDS_BETWEEN_WARNINGS: Final = 600.0


class Pace:
    """The time that steps have taken, and a warning at one that takes ten times the median.

    It has to take that long by itself and by the token: batches differ in length, and a short one
    costs more by the token.
    """

    def __init__(self) -> None:
        self._seconds: list[float] = []
        self._seconds_a_token: list[float] = []
        self._silent_until = -math.inf

    def note(self, began: float, ended: float, tokens: int) -> None:
        """Count a step in.

        Args:
            began: In seconds, as `time.perf_counter` counts them.
            ended: Likewise.
            tokens: That the step has read, padding among them.
        """
        seconds = ended - began
        taken = (self._seconds, seconds), (self._seconds_a_token, seconds / tokens)
        if len(self._seconds) >= STEPS_TO_KNOW and ended >= self._silent_until:
            slower = min(now / before[len(before) // 2] for before, now in taken)
            if slower >= TIMES_SLOWER:
                self._silent_until = ended + SECONDS_BETWEEN_WARNINGS
                error_console.print(
                    f"A training step has taken {slower:.0f} times as long as usual: another "
                    "process seems to use the processor. Without it the training would go on "
                    "faster, to the same result.",
                    style="yellow",
                )
        for before, now in taken:
            insort(before, now)
