"""The model card: what a trained classifier is, how good, and how to use it."""

from collections.abc import Mapping
from typing import Any

from imdb_rnn.config import Model
from imdb_rnn.report.inputs import ReportInputs
from imdb_rnn.report.templates import template


def model_card(results: ReportInputs) -> str:
    """The card as Markdown; what belongs on one: Mitchell et al. 2019, "Model Cards".

    Args:
        results: Of the run that trained the classifier.
    """
    test, imdb = results.test, results.is_imdb
    return template("model_card.md").render(
        results=results,
        test=test,
        params=results.params,
        level=f"{test['confidence']:.0%}",
        shape=_shape(results.params.model),
        weakest=weakest_slice(test["slices"]),
        text="A superb, moving film." if imdb else "A text to classify.",
    )


def weakest_slice(slices: Mapping[str, Mapping[str, Mapping[str, float]]]) -> dict[str, Any]:
    """The group of reviews that is surely the worst: `kind`, `name`, and its numbers.

    A small group may be low by chance, so groups are told apart by their intervals' upper ends.
    """
    groups = [
        {"kind": kind, "name": name, **numbers}
        for kind, members in slices.items()
        for name, numbers in members.items()
    ]
    return min(groups, key=lambda group: group["accuracy_high"])


def _shape(model: Model) -> str:
    cell = (
        f"{model.nonlinearity} RNN"
        if model.cell == "rnn"
        else model.cell.upper().replace("MIN_", "min")
    )
    layers = "layer" if model.layers == 1 else "layers"
    directions = "both directions" if model.bidirectional else "one direction"
    return f"{cell}, {model.layers} {layers} of {model.hidden_size} units in {directions}"
