"""What each word did to the classifier's verdict.

Everything is told in log odds of "positive" (logits), in which evidence adds up: +0.7 doubles the
odds.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray

from imdb_rnn.data.batches import collate
from imdb_rnn.data.tokenizer import PADDING_ID, UNKNOWN_ID
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.inference import predict_logits

UNEXPLAINED: Final = 0.01
"""Share of the difference to be explained, or if that is below 1 of 1, that may stay open."""

_Walk = Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]]

_FIRST_PIECES: Final = 32
_MOST_PIECES: Final = 512
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

    @property
    def adds_up(self) -> bool:
        """Whether the words explain all but `UNEXPLAINED`."""
        return abs(self.residual) <= _allowed(self.logit - self.baseline, UNEXPLAINED)


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
    classifier: Classifier, words: NDArray[np.int32], unexplained: float = UNEXPLAINED
) -> Evidence:
    """Integrated gradients over what is read (Sundararajan, Taly & Yan 2017).

    On the straight path from the baseline b, where every word has the vector of the unknown word
    and no n-gram has a log odds, to the review's own inputs x, word i gets
    `(x_i - b) . integral of dlogit/dx_i along the path`; an n-gram counts for its last word. By the
    fundamental theorem the words add up to `logit - baseline`; the residual is the error of the
    midpoint rule. On the way to a long review the logit turns within a small part of the path, so
    the rule is applied to pieces, and the pieces that explain their own difference worst are halved
    until they leave little open, or are too many.

    Args:
        classifier: In evaluation mode.
        words: Word ids int32 [words] of one review.
        unexplained: What all pieces may leave open, as `UNEXPLAINED` is meant.
    """
    walk = partial(_walk, classifier, words)
    edges = np.linspace(0, 1, _FIRST_PIECES + 1)
    logits, _ = walk(edges)
    pieces = _Pieces.of(walk, edges[:-1], edges[1:], logits[:-1], logits[1:])
    allowed = _allowed(logits[-1] - logits[0], unexplained)
    while np.abs(pieces.missing).sum() > allowed and len(pieces.begin) < _MOST_PIECES:
        pieces = pieces.refined(walk)
    return Evidence(pieces.explained.sum(axis=0), float(logits[-1]), float(logits[0]))


def _allowed(difference: float, share: float) -> float:
    return share * max(1.0, abs(difference))


class _Pieces(NamedTuple):
    """Pieces of the path, each with the change in its middle."""

    begin: NDArray[np.float64]
    """Share of the way [pieces]."""
    end: NDArray[np.float64]
    at_begin: NDArray[np.float64]
    """Logit [pieces]."""
    at_middle: NDArray[np.float64]
    at_end: NDArray[np.float64]
    changes: NDArray[np.float64]
    """In the middle, as `_walk` returns them [pieces, words]."""

    @classmethod
    def of(
        cls,
        walk: _Walk,
        begin: NDArray[np.float64],
        end: NDArray[np.float64],
        at_begin: NDArray[np.float64],
        at_end: NDArray[np.float64],
    ) -> Self:
        """Look at the middle of each piece."""
        at_middle, changes = walk((begin + end) / 2)
        return cls(begin, end, at_begin, at_middle, at_end, changes)

    @property
    def explained(self) -> NDArray[np.float64]:
        """By each word [pieces, words], by the midpoint rule."""
        found: NDArray[np.float64] = (self.end - self.begin)[:, None] * self.changes
        return found

    @property
    def missing(self) -> NDArray[np.float64]:
        """What the words leave open of each piece's own difference [pieces]."""
        found: NDArray[np.float64] = self.at_end - self.at_begin - self.explained.sum(axis=1)
        return found

    def refined(self, walk: _Walk) -> "_Pieces":
        """With the pieces halved that miss most, as many as can be looked at together."""
        order = np.argsort(-np.abs(self.missing), kind="stable")
        halved, kept = np.split(order, [_ROWS_AT_ONCE // 2])
        middle = (self.begin + self.end) / 2
        halves = _Pieces.of(
            walk,
            np.concatenate([self.begin[halved], middle[halved]]),
            np.concatenate([middle[halved], self.end[halved]]),
            np.concatenate([self.at_begin[halved], self.at_middle[halved]]),
            np.concatenate([self.at_middle[halved], self.at_end[halved]]),
        )
        fields = zip(self, halves, strict=True)
        return _Pieces(*(np.concatenate([old[kept], new]) for old, new in fields))


def _walk(
    classifier: Classifier, words: NDArray[np.int32], shares: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logits at points of the path, and how fast each word changes them there.

    Args:
        classifier: In evaluation mode.
        words: int32 [words].
        shares: Of the way from the baseline [points].

    Returns:
        Logits [points], and (x_i - b) . dlogit/dx_i [points, words].
    """
    points = torch.from_numpy(shares).float()
    steps = [_step(classifier, words, some) for some in torch.split(points, _ROWS_AT_ONCE)]
    logits, changes = (torch.cat(found).double().numpy() for found in zip(*steps, strict=True))
    return logits, changes


def _step(
    classifier: Classifier, words: NDArray[np.int32], shares: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """What `_walk` does, for as many points as are looked at together."""
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
        classifier: Reads points of the path in place of the review's vectors and log odds.
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
            self._classifier.phrases.register_forward_hook(self._between_log_odds),
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

    def _between_log_odds(self, _: object, __: object, end: torch.Tensor) -> torch.Tensor:
        return self._between(torch.zeros_like(end), end)

    def _between(self, baseline: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
        """Points between two inputs [time, points, features], ready for their gradients."""
        way = (end - baseline).detach()
        points = (end.detach() - (1 - self._shares) * way).requires_grad_()
        self._points.append(points)
        self._ways.append(way)
        return points
