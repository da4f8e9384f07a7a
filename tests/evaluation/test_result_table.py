from io import StringIO

import pytest
from rich.console import Console

from example_results import TEST, example_results, stars_results
from imdb_rnn.evaluation.result_table import results_table, standing


def results(difference: float, low: float, high: float, p: float) -> dict[str, object]:
    """Of a network against a strong model and a weak one."""
    strong = {
        "accuracy": 0.9,
        "difference": difference,
        "difference_low": low,
        "difference_high": high,
        "mcnemar_p": p,
    }
    weak = {**strong, "accuracy": 0.8, "difference": 0.1, "mcnemar_p": 1e-9}
    return {"confidence": 0.95, "baselines": {"tfidf": weak, "nb": strong}}


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        (
            (0.012, 0.01, 0.015, 5e-20),
            (
                "is ahead of the NB-weighted n-grams: 1.20 points of accuracy "
                "(95% interval 1.00 to 1.50, McNemar p = 5e-20)."
            ),
        ),
        (
            (-0.007, -0.012, -0.001, 0.02),
            (
                "is behind the NB-weighted n-grams: 0.70 points of accuracy "
                "(95% interval 0.10 to 1.20, McNemar p = 0.02)."
            ),
        ),
        (
            (-0.001, -0.004, 0.002, 0.4),
            (
                "cannot be told apart from the NB-weighted n-grams: -0.10 points of accuracy "
                "(95% interval -0.40 to 0.20, McNemar p = 0.4)."
            ),
        ),
    ],
)
def test_the_strongest_linear_model_is_what_counts(
    numbers: tuple[float, float, float, float], said: str
) -> None:
    assert standing(results(*numbers)) == f"The recurrent network {said}"


def test_short_sentences_are_told_of_where_the_models_were_asked_any() -> None:
    other = {key: value for key, value in TEST.items() if key != "behaviour"}
    for results, told in ((TEST, True), (other, False)):
        console = Console(width=200)
        with console.capture() as shown:
            console.print(results_table(results))
        assert ("75.0 %" in shown.get()) is told


def test_stars_have_a_table_of_their_errors() -> None:
    console = Console(width=80, file=StringIO(), record=True)
    console.print(results_table(stars_results().test))
    shown = console.export_text()
    assert "0.310 (0.290, 0.330)" in shown
    assert shown.count("-0.100 (-0.120, -0.080)") == 2
    console.print(results_table(example_results().test))
    assert "absolute" not in console.export_text()
