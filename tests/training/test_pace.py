from itertools import repeat

import pytest

from imdb_rnn.training.pace import SECONDS_BETWEEN_WARNINGS, STEPS_TO_KNOW, Pace

USUAL = [(0.1, 1000)] * STEPS_TO_KNOW
"""Seconds and words of each step."""


def warnings(
    capsys: pytest.CaptureFixture[str], steps: list[tuple[float, int]], pause: float = 0.0
) -> int:
    """How many there are, on standard error, if the steps follow each other with a pause."""
    pace, now = Pace(), 0.0
    for seconds, words in steps:
        pace.note(now, now + seconds, words)
        now += seconds + pause
    said = capsys.readouterr()
    assert said.out == ""
    return said.err.count("another process")


def test_a_step_ten_times_slower_than_the_others_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert warnings(capsys, [*USUAL, (0.9, 1000)]) == 0
    assert warnings(capsys, [*USUAL, (1.1, 1000)]) == 1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        pytest.param(1.5, 20_000, id="many words"),
        pytest.param(0.02, 10, id="few words, which cost more each"),
    ],
)
def test_a_batch_of_another_length_is_no_slow_one(
    capsys: pytest.CaptureFixture[str], seconds: float, words: int
) -> None:
    assert warnings(capsys, [*USUAL, (seconds, words)]) == 0


def test_the_first_steps_may_be_slow(capsys: pytest.CaptureFixture[str]) -> None:
    assert warnings(capsys, [(5.0, 1000), *USUAL]) == 0
    assert warnings(capsys, [*USUAL[1:], (5.0, 1000)]) == 0


def test_it_is_told_once_in_a_while(capsys: pytest.CaptureFixture[str]) -> None:
    slow = list(repeat((2.0, 1000), STEPS_TO_KNOW // 2))
    assert warnings(capsys, [*USUAL, *slow]) == 1
    assert warnings(capsys, [*USUAL, *slow[:2]], pause=SECONDS_BETWEEN_WARNINGS) == 2
