"""What long work says where no terminal shows a bar."""

import io

import pytest
from rich.console import Console

from imdb_rnn import console
from imdb_rnn.console import SECONDS_BETWEEN_LINES, progress, waiting


class Clock:
    """Stands in for the module `time`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(console, "time", clock)
    return clock


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


def work(clock: Clock, log: io.StringIO, total: float | None, *, steps: int, seconds: float) -> str:
    """What is said of work that takes some time a step, and counts ten units."""
    with progress("epoch 1 of 2", total, on=Console(file=log, width=200)) as advance:
        for _ in range(steps):
            clock.now += seconds
            advance(10, "loss 0.512")
    return log.getvalue()


def test_a_line_says_how_much_is_done_and_how_long_the_rest_takes(
    clock: Clock, log: io.StringIO
) -> None:
    said = work(clock, log, 80, steps=2, seconds=SECONDS_BETWEEN_LINES)
    assert said == (
        "epoch 1 of 2: 12%, 105 s left, loss 0.512\nepoch 1 of 2: 25%, 90 s left, loss 0.512\n"
    )


def test_what_was_done_before_took_no_time(clock: Clock, log: io.StringIO) -> None:
    with progress("Download", 80, done=30, on=Console(file=log, width=200)) as advance:
        clock.now += SECONDS_BETWEEN_LINES
        advance(10)
    assert log.getvalue() == "Download: 50%, 60 s left\n"


def test_quick_steps_share_a_line(clock: Clock, log: io.StringIO) -> None:
    said = work(clock, log, 10_000, steps=100, seconds=1.0)
    assert said.count("\n") == 100 // SECONDS_BETWEEN_LINES
    assert said.startswith("epoch 1 of 2: 2%, 985 s left, loss 0.512\n")


def test_work_of_unknown_length_says_what_is_done(clock: Clock, log: io.StringIO) -> None:
    assert work(clock, log, None, steps=200, seconds=0.1) == "epoch 1 of 2: 1,500, loss 0.512\n"


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("ascii", b'"caf?" isn\'t ... 3?'), ("latin-1", b'"caf\xe9" isn\'t ... 3?')],
)
def test_what_an_encoding_lacks_is_said_otherwise(encoding: str, shown: bytes) -> None:
    said = "“caf\u00e9” isn\u2019t … ▃\udce9"
    assert said.encode(encoding, errors="similar") == shown


def test_a_terminal_gets_a_bar_instead(clock: Clock) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    said = work(clock, Terminal(), 20, steps=2, seconds=SECONDS_BETWEEN_LINES)
    assert "20/20" in said
    assert "s left" not in said


def test_work_that_cannot_be_counted_is_named_before_it_begins(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with waiting("Comparing"):
        assert capsys.readouterr().err == "Comparing ...\n"
        console.console.print("the answer")
    said = capsys.readouterr()
    assert said.out == "the answer\n"
    assert said.err == ""


def test_in_a_terminal_nothing_is_left_of_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Console(stderr=True, force_terminal=True, width=80)
    monkeypatch.setattr(console, "error_console", terminal)
    with waiting("Comparing"):
        terminal.print("a warning")
    said = capsys.readouterr().err
    assert "Comparing" in said
    before, _, after = said.partition("a warning")
    assert "\x1b[2K" in before, "the line was cleared for it"
    assert after.endswith("\x1b[2K")
