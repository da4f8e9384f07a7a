"""Watch small networks learn, and the trained classifier read parts of reviews."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from imdb_rnn.config import Diagnostics, Params
from imdb_rnn.console import console, progress
from imdb_rnn.diagnostics.drawing import drawn
from imdb_rnn.diagnostics.studies import STUDIES, impossible
from imdb_rnn.diagnostics.study import Material, Outcome, Shown, gather
from imdb_rnn.errors import UserError
from imdb_rnn.evaluation.curves import write_points
from imdb_rnn.evaluation.figures import write_figure
from imdb_rnn.io.json_file import read_json, write_json
from imdb_rnn.runtime.machine import prepare
from imdb_rnn.runtime.processes import side_by_side
from imdb_rnn.stages import run_stage

PREPARED = Path("data/prepared")
CLASSIFIER = Path("models/rnn")
TRUNCATION = Path("reports/bptt.json")
METRICS = Path("reports/diagnostics.json")
FIGURES = Path("reports/diagnostics")
POINTS = Path("reports/plots/diagnostics")


def diagnostics(params: Params) -> None:
    """Read prepared reviews and model; write `reports/diagnostics.json`, points and pictures."""
    _use_one_thread()
    if not TRUNCATION.exists():
        raise UserError(
            f"{TRUNCATION}: not there. Git has it; `python -m benchmarks.bptt` measures it anew."
        )
    truncation, dataset = read_json(TRUNCATION), read_json(PREPARED / "dataset.json")
    material = gather(params, PREPARED, CLASSIFIER, truncation, dataset)
    _say_what_is_lowered(params.diagnostics, material.params.diagnostics)
    left_out = impossible(material)
    for name, reason in left_out.items():
        console.print(f"left out: {name}, because {reason}", markup=False)
    numbers = {"variant": dataset["variant"], "material": material.numbers()}
    if left_out:
        numbers["left_out"] = left_out
    figures: dict[str, Shown] = {}
    for outcome in _outcomes(material, [name for name in STUDIES if name not in left_out]):
        numbers |= outcome.numbers
        figures |= outcome.figures
    findings = {name: shown.finding for name, shown in figures.items()}
    write_json(METRICS, numbers | {"findings": findings})
    for name, shown in figures.items():
        write_points(POINTS / f"{name}.csv", shown.points, decimals=None)
        write_figure(FIGURES / f"{name}.png", drawn(shown))
        console.print(f"{FIGURES / name}.png: {shown.finding}", markup=False)


def _say_what_is_lowered(wanted: Diagnostics, used: Diagnostics) -> None:
    """In a sentence, where the reviews are fewer or shorter than the parameters assume."""
    lowered = [
        f"diagnostics.{name} is {getattr(used, name):,}, not {getattr(wanted, name):,}"
        for name in ("reviews", "words")
        if getattr(used, name) < getattr(wanted, name)
    ]
    if lowered:
        console.print(
            "the training reviews are fewer or shorter than params.yaml assumes, so that "
            + " and ".join(lowered)
        )


def _outcomes(material: Material, studies: Sequence[str]) -> list[Outcome]:
    """What came of the studies, in their order, whatever the number of processes."""
    # From the last one, so that a trained classifier that cannot be read is refused at once.
    tasks = {name: partial(STUDIES[name], material) for name in reversed(studies)}
    outcomes = {}
    with progress("studies", len(tasks)) as advance:
        for name, outcome in side_by_side(tasks, material.params.train.threads, _use_one_thread):
            outcomes[name] = outcome
            advance()
    return [outcomes[name] for name in studies]


def _use_one_thread() -> None:
    # A second thread costs networks this small more than it brings, and far more on a busy machine.
    prepare(threads=1, flush_subnormal=True)


if __name__ == "__main__":
    run_stage(diagnostics)
