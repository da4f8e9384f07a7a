"""What each word did to the classifier's verdict.

Everything is told in log odds of "positive" (logits), in which evidence adds up: +0.7 doubles the
odds.
"""

from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from imdb_rnn.corpus.batches import collate
from imdb_rnn.corpus.vocabulary import PADDING_ID, UNKNOWN_ID
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.training.prediction import predict_logits

# Max pooling and ReLU make the path's integrand jump, where the midpoint rule converges as well as
# any. The stage `lens` says how much this many points leave of the shipped classifier's reviews.
PATH_POINTS: Final = 64

_ROWS_AT_ONCE: Final = 32


class Evidence(NamedTuple):
    """How far each word moves the logit."""

    words: NDArray[np.float64]
    """Evidence of each word [words]; above zero it speaks for "positive"."""
    logit: float
    """Of the whole review."""
    baseline: float
    """Logit of as many unknown words."""

    @property
    def residual(self) -> float:
        """What the words together leave unexplained of `logit - baseline`."""
        return self.logit - self.baseline - float(self.words.sum())


def prefix_probabilities(classifier: Classifier, words: NDArray[np.int32]) -> NDArray[np.float32]:
    """Probability of "positive" after each word, had the review ended there.

    Args:
        classifier: In evaluation mode.
        words: Word ids int32 [words] of one review.

    Returns:
        float32 [words]; the last is the probability of the review itself.
    """
    prefixes = [words[:end] for end in range(1, len(words) + 1)]
    logits = torch.from_numpy(predict_logits(classifier, prefixes, _ROWS_AT_ONCE))
    probabilities: NDArray[np.float32] = logits.sigmoid().numpy()
    return probabilities


def occlusion(classifier: Classifier, words: NDArray[np.int32]) -> Evidence:
    """How far the logit falls when a word is hidden behind the unknown word (Zeiler & Fergus 2014).

    Words that only work together, or that say the same twice, are not seen one by one: the
    residual is what they share. An unknown word has no evidence.

    Args:
        classifier: In evaluation mode.
        words: Word ids int32 [words] of one review.
    """
    occluded = np.tile(words, (len(words) + 2, 1))
    np.fill_diagonal(occluded, UNKNOWN_ID)
    occluded[-1] = UNKNOWN_ID
    *without, logit, baseline = predict_logits(classifier, list(occluded), _ROWS_AT_ONCE).astype(
        np.float64
    )
    return Evidence(logit - np.array(without), float(logit), float(baseline))


def integrated_gradients(
    classifier: Classifier, words: NDArray[np.int32], points: int = PATH_POINTS
) -> Evidence:
    """Integrated gradients over what is read (Sundararajan, Taly & Yan 2017).

    On the straight path from the baseline b, where every word has the vector of the unknown word
    and no phrase has a polarity, to the review's own inputs x, word i gets
    `(x_i - b) . integral of dlogit/dx_i along the path`; a phrase counts for its last word. By the
    fundamental theorem the words add up to `logit - baseline`; the residual is the error of the
    midpoint rule.

    Args:
        classifier: In evaluation mode.
        words: Word ids int32 [words] of one review.
        points: Of the path at which the gradients are taken.
    """
    ends, _ = _walk(classifier, words, torch.tensor([0.0, 1.0]))
    midpoints = (torch.arange(points) + 0.5) / points
    changes = [
        _walk(classifier, words, shares)[1] for shares in torch.split(midpoints, _ROWS_AT_ONCE)
    ]
    return Evidence(torch.cat(changes).mean(0).numpy(), ends[1].item(), ends[0].item())


def _walk(
    classifier: Classifier, words: NDArray[np.int32], shares: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits at points of the path, and how fast each word changes them there.

    Args:
        classifier: In evaluation mode.
        words: int32 [words].
        shares: Of the way from the baseline, float32 [points].

    Returns:
        Logits float32 [points], and (x_i - b) . dlogit/dx_i, float64 [points, words].
    """
    tokens, lengths = collate(
        [words] * len(shares), classifier.shape.padding, classifier.batch_width
    )
    path = _Path(classifier, shares)
    logits = path.logits(tokens, lengths)
    is_word = tokens != PADDING_ID
    changes = path.changes(logits).T.double()[is_word].reshape(len(shares), len(words))
    return logits.detach(), changes


class _Path:
    """The straight path between the inputs of a baseline and of a review.

    Args:
        classifier: Reads points of the path in place of the review's vectors and polarities.
        shares: Of the way from the baseline, float32 [points].
    """

    def __init__(self, classifier: Classifier, shares: torch.Tensor) -> None:
        self._classifier = classifier
        self._shares = shares[:, None]
        self._points: list[torch.Tensor] = []
        self._ways: list[torch.Tensor] = []

    def logits(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Of each point; takes the review once for each, int64 [points, time] and [points]."""
        hooks = [
            self._classifier.embedding.register_forward_hook(self._between_vectors),
            self._classifier.phrases.register_forward_hook(self._between_polarities),
        ]
        try:
            logits: torch.Tensor = self._classifier(tokens, lengths)
        finally:
            for hook in hooks:
                hook.remove()
        return logits

    def changes(self, logits: torch.Tensor) -> torch.Tensor:
        """(x_i - b) . dlogit/dx_i, [time, points]."""
        gradients = torch.autograd.grad(logits.sum(), self._points)
        pairs = zip(gradients, self._ways, strict=True)
        return torch.stack([(gradient * way).sum(-1) for gradient, way in pairs]).sum(0)

    def _between_vectors(
        self, _: object, arguments: tuple[torch.Tensor], end: torch.Tensor
    ) -> torch.Tensor:
        is_word = (arguments[0] != PADDING_ID)[..., None]
        unknown = self._classifier.embedding.weight[UNKNOWN_ID]
        return self._between(torch.where(is_word, unknown, end), end)

    def _between_polarities(self, _: object, __: object, end: torch.Tensor) -> torch.Tensor:
        return self._between(torch.zeros_like(end), end)

    def _between(self, baseline: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
        """Points between two inputs [time, points, features], ready for their gradients."""
        way = (end - baseline).detach()
        points = (end.detach() - (1 - self._shares) * way).requires_grad_()
        self._points.append(points)
        self._ways.append(way)
        return points
