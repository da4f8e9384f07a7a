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

# Max pooling makes the path's integrand jump, where the midpoint rule converges as well as any.
# On the shipped classifier's reviews this many points leave less than 0.005.
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


def integrated_gradients(classifier: Classifier, words: NDArray[np.int32]) -> Evidence:
    """Integrated gradients over the word vectors (Sundararajan, Taly & Yan 2017).

    On the straight path from the baseline b, where every word has the vector of the unknown word,
    to the review's own vectors x, word i gets `(x_i - b) . integral of dlogit/dx_i along the
    path`. By the fundamental theorem the words add up to `logit - baseline`; the residual is
    the error of the midpoint rule with `PATH_POINTS` points.

    Args:
        classifier: In evaluation mode.
        words: Word ids int32 [words] of one review.
    """
    ends, _ = _walk(classifier, words, torch.tensor([0.0, 1.0]))
    midpoints = (torch.arange(PATH_POINTS) + 0.5) / PATH_POINTS
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
    embedding = classifier.embedding.weight
    seen: list[torch.Tensor] = []

    def step_back(
        _: torch.nn.Module, arguments: tuple[torch.Tensor], embedded: torch.Tensor
    ) -> torch.Tensor:
        """Put the path's vectors [time, points, features] in place of the words'."""
        (tokens,) = arguments
        is_word = tokens != PADDING_ID
        way = torch.where(is_word[..., None], embedded - embedding[UNKNOWN_ID], 0).detach()
        vectors = (embedded - (1 - shares[:, None]) * way).detach().requires_grad_()
        seen.extend((vectors, way, is_word))
        return vectors

    tokens, lengths = collate(
        [words] * len(shares), classifier.shape.padding, classifier.batch_width
    )
    hook = classifier.embedding.register_forward_hook(step_back)
    try:
        logits = classifier(tokens, lengths)
    finally:
        hook.remove()
    vectors, way, is_word = seen
    (gradients,) = torch.autograd.grad(logits.sum(), vectors)
    changes = (gradients * way).sum(-1).T.double()
    return logits.detach(), changes[is_word.T].reshape(len(shares), len(words))
