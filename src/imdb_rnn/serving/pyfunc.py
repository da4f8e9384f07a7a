"""What MLflow runs to serve the classifier: a model from code.

MLflow stores this file and the package beside the weights and runs it where the model is served,
so nothing is pickled. The project itself never imports it.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from imdb_rnn.data.classes import class_columns
from imdb_rnn.data.rows import NO_TEXT, Row
from imdb_rnn.models.predictor import Predictor
from imdb_rnn.serving.answers import Prediction
from imdb_rnn.serving.bulk import predict_rows
from imdb_rnn.serving.texts import Texts


class TextClassifier(PythonModel):
    """Texts in, the likeliest class of each and its probability out."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the model folder that was logged as the artifact `model`."""
        self._predictor = Predictor.load(Path(context.artifacts["model"]))
        # Each request takes all cores; two at once would only be in each other's way.
        self._one_request = threading.Lock()

    # MLflow allows leaving out `context`; its base class does not say so.
    def predict(  # type: ignore[override]
        self, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """The columns of `predict --out`, less the row's number and its share of unknown words.

        Args:
            model_input: The texts in its first column; lists and requests become such a table.
            params: Under `errors`, what a text gets that is missing or has no word that the model
                knows: `null` puts null in all its columns, so that one text does not cost all
                others their answers; `raise` refuses the request.

        Raises:
            MlflowException: What is there is no text, or `errors` is `raise` and a text has no
                answer. A server answers with HTTP status 400 and the sentence; any other error
                would come with a traceback.
        """
        errors = (params or {}).get("errors", "null")
        if errors not in {"null", "raise"}:
            raise _refusal(f'the parameter errors is {errors!r}; it may be "null" or "raise".')
        given = model_input.iloc[:, 0]
        answers = [self._answer(prediction, errors) for prediction in self._predictions(given)]
        names = ["label", "probability", *class_columns(self._predictor.classes)]
        columns = dict(zip(names, zip(*answers, strict=True), strict=True)) if answers else {}
        table = {name: _column(columns.get(name, ())) for name in names}
        return pd.DataFrame(table).set_axis(given.index)

    def _predictions(self, given: "pd.Series[Any]") -> list[Prediction]:
        rows = [_row(number, text) for number, text in enumerate(given, start=1)]
        texts = Texts("the request", iter(rows), len(rows), in_bytes=False)
        with self._one_request:  # to its end, whatever becomes of the answers
            return [answer for piece in predict_rows(self._predictor, texts) for answer in piece]

    def _answer(self, prediction: Prediction, errors: str) -> tuple[str | float | None, ...]:
        """The label, its probability, and those of each of more than two classes."""
        row = prediction.row
        if not row.problem:
            return (prediction.label, prediction.probability, *prediction.by_class.values())
        if errors == "raise":
            raise _refusal(
                f"text {row.number}: {row.problem}. Leave it out, or pass the parameter errors = "
                '"null", which puts null in its place.'
            )
        return (None,) * (2 + len(class_columns(prediction.classes)))


def _row(number: int, text: object) -> Row:
    if isinstance(text, str):
        return Row(number, text, "", number)
    if pd.api.types.is_scalar(text) and pd.isna(text):
        return Row(number, "", NO_TEXT, number)
    raise _refusal(f"text {number}: {type(text).__name__} where a text is needed.")


def _column(values: Sequence[str | float | None]) -> "pd.Series[Any]":
    """Null stays null, which JSON has and for which pandas would put a NaN, which it has not."""
    numbers = values and all(isinstance(value, float) for value in values)
    return pd.Series(values, dtype=float if numbers else object)


def _refusal(sentence: str) -> MlflowException:
    return MlflowException(sentence, INVALID_PARAMETER_VALUE)


set_model(TextClassifier())
