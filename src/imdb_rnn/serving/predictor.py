"""Raw text in, probability of "positive" out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from imdb_rnn.models.classifier import Classifier
from imdb_rnn.serving.model_folder import Encoder, load_encoder, load_model
from imdb_rnn.training.prediction import predict_logits

# Fast on a CPU, and small enough that even the longest reviews stay within modest memory.
BATCH_SIZE = 64


@dataclass(frozen=True)
class Predictor:
    """A trained classifier together with its preprocessing."""

    classifier: Classifier
    """In evaluation mode, on the CPU."""
    encode: Encoder

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model folder such as `models/rnn`.

        Raises:
            InputRefusedError: A file of the folder is missing or damaged.
        """
        return cls(load_model(folder), load_encoder(folder))

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probability that each text is positive.

        A text's result does not depend on the texts around it, up to float rounding.

        Args:
            texts: Any number of texts, of any length.

        Returns:
            float32 [texts], in the order of `texts`.
        """
        reviews = list(self.encode(texts))
        logits = torch.from_numpy(predict_logits(self.classifier, reviews, BATCH_SIZE))
        probabilities: NDArray[np.float32] = logits.sigmoid().numpy()
        return probabilities
