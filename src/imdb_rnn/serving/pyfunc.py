"""What MLflow runs to serve the classifier: a model from code.

MLflow stores this file and the package beside the weights and runs it where the model is served,
so nothing is pickled. The project itself never imports it.
"""

from pathlib import Path

from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from imdb_rnn.errors import UserError
from imdb_rnn.models.predictor import Predictor


class ReviewSentiment(PythonModel):
    """Texts in, the probability that each is positive out."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the model folder that was logged as the artifact `model`."""
        self._predictor = Predictor.load(Path(context.artifacts["model"]))

    # MLflow allows leaving out `context` and `params`; its base class does not say so.
    def predict(self, model_input: list[str]) -> list[float]:  # type: ignore[override]
        """Probability of "positive" for each text, in order.

        Raises:
            MlflowException: A text has no word that the model knows. A server answers it with
                HTTP status 400 and the sentence; any other error would come with a traceback.
        """
        try:
            probabilities = self._predictor.probabilities(model_input)
        except UserError as refusal:
            raise MlflowException(str(refusal), INVALID_PARAMETER_VALUE) from None
        return [float(probability) for probability in probabilities]


set_model(ReviewSentiment())
