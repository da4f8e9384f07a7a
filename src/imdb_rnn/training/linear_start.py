"""Where a classifier starts whose log odds skip the recurrence: as a linear model of them."""

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from imdb_rnn.data.batches import batches_by_length, collate
from imdb_rnn.data.training_set import TrainingSet
from imdb_rnn.errors import UserError
from imdb_rnn.models.classifier import Classifier

_REVIEWS_AT_ONCE = 32


@torch.no_grad()
def start_linear(classifier: Classifier, reviews: TrainingSet) -> None:
    """Fit the logits to what goes straight to them; the recurrence adds nothing yet.

    Where a class has no review at all, nothing is fitted. The fit takes one thread: sums split
    among more would differ in their last digits.

    Args:
        classifier: With `ngram_skip`, on the CPU; its n-grams were counted on the reviews.
        reviews: Each is left out of what its own n-grams count.

    Raises:
        UserError: The n-grams were counted on other reviews or labels.
    """
    inputs = _skipping(classifier, reviews)
    if not np.isfinite(inputs).all():
        raise UserError(
            "The n-grams were not counted on these reviews and labels. "
            "`dvc repro --force ngram_log_odds` counts them anew."
        )
    targets = reviews.targets
    labels = targets.argmax(1) if targets.ndim > 1 else targets.round()
    if len(np.unique(labels)) < reviews.classes:
        return
    scaler, model = StandardScaler(), LogisticRegression(max_iter=1000)
    with threadpool_limits(1):
        model.fit(scaler.fit_transform(inputs), labels)
    weight = model.coef_ / scaler.scale_
    classifier.output.weight.zero_()
    classifier.output.weight[:, -inputs.shape[1] :] = torch.from_numpy(weight)
    classifier.output.bias.copy_(torch.from_numpy(model.intercept_ - weight @ scaler.mean_))


def _skipping(classifier: Classifier, reviews: TrainingSet) -> NDArray[np.float64]:
    """What goes straight to the logits of each review, float64 [reviews, features]."""
    found = np.empty((len(reviews), classifier.skipping_features))
    targets = torch.from_numpy(reviews.targets)
    for batch in batches_by_length(reviews.lengths, _REVIEWS_AT_ONCE):
        tokens, lengths = collate([reviews[i] for i in batch], "post", classifier.batch_width)
        log_odds = classifier.log_odds(tokens.T, targets[batch])
        found[batch] = classifier.skipping(log_odds, classifier.read_lengths(tokens, lengths))
    return found
