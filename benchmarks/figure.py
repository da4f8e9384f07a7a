"""Accuracy against minutes of training, as a picture."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import cycle
from pathlib import Path
from typing import Any, Final

from benchmarks.catalogue import CATALOGUE
from imdb_rnn.evaluation.drawing import Figure, style
from imdb_rnn.io.atomic import replacing

_OWN: Final = ("#7fb2e5", "#3f8fd6", "#1f5fa8", "#123a70", "#000000")
_PEERS: Final = ("#e07b28", "#b2473e", "#3f8f6b", "#8fc7a8", "#8156a0", "#c29ad6", "#8a8f94")
_CLOSE_UP: Final = (0.88, 0.94)
"""Accuracies that are drawn larger: where models that are any good differ."""
_MINUTES: Final = (0.1, 0.3, 1, 3, 10, 30)


@style({})
def write_figure(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw the course of each contestant's test accuracy; a single point where it has no passes.

    Args:
        path: PNG file to write.
        rows: `results` of `reports/benchmark.json`.
    """
    figure = Figure(figsize=(7.5, 7.5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    own, peers = cycle(_OWN), cycle(_PEERS)
    for row in rows:
        if "failed" in row:
            continue
        entry = CATALOGUE[row["name"]]
        minutes = [seconds / 60 for seconds, _ in row["curve"]]
        accuracies = [accuracy for _, accuracy in row["curve"]]
        label = entry.title.partition(" (")[0].replace("*", "").replace("`", "")
        color, marker = (next(own), "o") if entry.own else (next(peers), "s")
        for axes in (above, below):
            axes.plot(minutes, accuracies, marker=marker, color=color, label=label)
    above.set(xscale="log", ylim=_CLOSE_UP)
    above.set_title("Accuracy per minute", loc="left", fontweight="bold")
    below.set(ylim=(0.5, _CLOSE_UP[0]), xlabel="minutes of training, preparation included")
    below.set_xticks(_MINUTES, [f"{minutes:g}" for minutes in _MINUTES])
    for axes in (above, below):
        axes.tick_params(axis="x", which="minor", bottom=False)
        axes.set_ylabel("test accuracy")
        axes.grid(visible=True, color="#e6e9ec")
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(
        *above.get_legend_handles_labels(), loc="outside lower left", ncols=2, frameon=False
    )
    content = BytesIO()
    figure.savefig(content, format="png", dpi=110, metadata={"Software": None})
    with replacing(path) as unfinished:
        unfinished.write_bytes(content.getbuffer())
