"""Show the results of the run: a page for people, the model's card, the record in MLflow."""

from pathlib import Path

from imdb_rnn.config import Params
from imdb_rnn.console import console
from imdb_rnn.data.reviews import read_reviews
from imdb_rnn.evaluation.predictions import read_predictions, require_same_reviews
from imdb_rnn.io.atomic import replacing
from imdb_rnn.io.json_file import read_json
from imdb_rnn.report.inputs import read_inputs
from imdb_rnn.report.mistakes import clearest_mistakes
from imdb_rnn.report.model_card import model_card
from imdb_rnn.report.page import page
from imdb_rnn.stages import run_stage
from imdb_rnn.tracking.filing import SECONDS_TO_FILE, file_results

PROVENANCE = Path("data/raw/provenance.json")
TEST = Path("data/raw/test.parquet")
REPORTS = Path("reports")
PREDICTIONS = REPORTS / "predictions.parquet"
DIAGNOSTICS = REPORTS / "diagnostics.json"
PICTURES = REPORTS / "diagnostics"
PAGE = REPORTS / "report.html"
CARD = Path("models/rnn/README.md")

MISTAKES = 16
"""On the page, as many of each class, and one at least."""


def report(params: Params) -> None:
    """Read all results, write `reports/report.html` and the model card, file the run in MLflow."""
    predictions, reviews = read_predictions(PREDICTIONS, str(PREDICTIONS)), read_reviews(TEST)
    require_same_reviews(
        reviews["id"].to_pylist(), predictions.ids, origin=str(PREDICTIONS), made_by="evaluate"
    )
    results = read_inputs(
        REPORTS,
        params,
        source=read_json(PROVENANCE)["source"],
        mistakes=clearest_mistakes(
            predictions, reviews, each=max(MISTAKES // len(predictions.classes), 1)
        ),
    )
    findings = read_json(DIAGNOSTICS)["findings"]
    pictures = {PICTURES / f"{name}.png": sentence for name, sentence in findings.items()}
    _write(PAGE, page(results, pictures))
    _write(CARD, model_card(results))
    file_results(params, SECONDS_TO_FILE, with_report=True)
    console.print(f"report: {PAGE}")


def _write(path: Path, text: str) -> None:
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    run_stage(report)
