"""Logits of many reviews."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from imdb_rnn.console import Advance
from imdb_rnn.data.batches import batches_by_length, collate
from imdb_rnn.data.classes import shape_of
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.models.classifier import Classifier


@torch.inference_mode()
def predict_logits(
    classifier: Classifier,
    reviews: TokenStore | Sequence[NDArray[np.int32]],
    batch_size: int,
    advance: Advance | None = None,
) -> NDArray[np.float32]:
    """The logits of each review, without dropout.

    Args:
        classifier: On the device that is to predict.
        reviews: int32 [tokens] each.
        batch_size: Reviews at once; changes speed and memory, not results.
        advance: Told the number of reviews after each batch.

    Returns:
        float32 [reviews] for two classes, [reviews, classes] for more, in the given order.
    """
    logits = np.zeros(shape_of(len(reviews), classifier.classes), dtype=np.float32)
    lengths = np.array([len(reviews[i]) for i in range(len(reviews))], dtype=np.int64)
    for batch in batches_by_length(lengths, batch_size):
        tokens, batch_lengths = collate(
            [reviews[i] for i in batch], classifier.config.padding, classifier.batch_width
        )
        logits[batch] = classifier(
            tokens.to(classifier.device), batch_lengths.to(classifier.device)
        ).cpu()
        if advance:
            advance(len(batch))
    return logits
