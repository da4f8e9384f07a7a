"""Logits of whole splits."""

import numpy as np
import torch
from numpy.typing import NDArray

from imdb_rnn.console import Advance
from imdb_rnn.corpus.batches import batches_by_length, collate
from imdb_rnn.corpus.store import TokenStore
from imdb_rnn.models.classifier import Classifier


@torch.inference_mode()
def predict_logits(
    classifier: Classifier,
    store: TokenStore,
    batch_size: int,
    device: torch.device,
    advance: Advance | None = None,
) -> NDArray[np.float32]:
    """Log odds of "positive" for each review, without dropout.

    Args:
        classifier: On `device`.
        store: Encoded reviews.
        batch_size: Reviews at once.
        device: Where the classifier is.
        advance: Told the number of reviews after each batch.

    Returns:
        float32 [reviews], in the order of the store.
    """
    logits = np.zeros(len(store), dtype=np.float32)
    for batch in batches_by_length(store.lengths, batch_size):
        tokens, lengths = collate(
            [store.review(i) for i in batch], classifier.shape.padding, classifier.batch_width
        )
        logits[batch] = classifier(tokens.to(device), lengths.to(device)).cpu().numpy()
        if advance:
            advance(len(batch))
    return logits
