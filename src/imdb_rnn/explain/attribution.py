"""What each token did to the classifier's verdict.

Everything is in log odds of one class against all others, in which attributions add up: +0.7
doubles the odds. Of two classes, the one logit is the log odds of the second; of more, the log odds
of a class are its logit less the logarithm of the sum of the others' exponentials.
"""

from collections.abc import Callable, Sequence
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

_AlongPath = Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]]

_FIRST_PIECES: Final = 32
_MOST_PIECES: Final = 512
_ROWS_AT_ONCE: Final = 32


class Attribution(NamedTuple):
    """How far each token moves the log odds of the class."""

    tokens: NDArray[np.float64]
    """Attribution of each token [tokens]; above zero it speaks for the class."""
    logit: float
    """Log odds of the class, of the whole review."""
    baseline: float
    """The same of as many unknown tokens."""

    @property
    def convergence_delta(self) -> float:
        """What the tokens together leave unexplained of `logit - baseline`."""
        return self.logit - self.baseline - float(self.tokens.sum())

    @property
    def adds_up(self) -> bool:
        """Whether the tokens explain all but `UNEXPLAINED`."""
        return abs(self.convergence_delta) <= _allowed(self.logit - self.baseline, UNEXPLAINED)


def class_log_odds(logits: torch.Tensor, label: int) -> torch.Tensor:
    """Log odds of a class against all others, float [reviews].

    Args:
        logits: Float [reviews] or [reviews, classes].
        label: Place of the class.
    """
    if logits.ndim == 1:
        return logits if label == 1 else -logits
    is_class = torch.arange(logits.shape[1]) == label
    return logits[:, label] - logits[:, ~is_class].logsumexp(dim=1)


def prefix_probabilities(
    classifier: Classifier, tokens: NDArray[np.int32], label: int = 1
) -> NDArray[np.float32]:
    """Probability of a class after each token, had the review ended there.

    Args:
        classifier: In evaluation mode.
        tokens: Token ids int32 [tokens] of one review.
        label: Place of the class.

    Returns:
        float32 [tokens]; the last is the probability of the review itself.
    """
    prefixes = [tokens[:end] for end in range(1, len(tokens) + 1)]
    probabilities: NDArray[np.float32] = _log_odds(classifier, prefixes, label).sigmoid().numpy()
    return probabilities


def occlusion(classifier: Classifier, tokens: NDArray[np.int32], label: int = 1) -> Attribution:
    """How far the log odds fall when a token is replaced by the unknown one (Zeiler & Fergus 2014).

    Tokens that only work together, or that say the same twice, are not seen one by one: the
    convergence delta is what they share. The attribution of an unknown token is 0.

    Args:
        classifier: In evaluation mode.
        tokens: Token ids int32 [tokens] of one review.
        label: Place of the class that is explained.
    """
    occluded = np.tile(tokens, (len(tokens) + 2, 1))
    np.fill_diagonal(occluded, UNKNOWN_ID)
    occluded[-1] = UNKNOWN_ID
    *without, logit, baseline = _log_odds(classifier, list(occluded), label).double().numpy()
    return Attribution(logit - np.array(without), float(logit), float(baseline))


def _log_odds(
    classifier: Classifier, reviews: Sequence[NDArray[np.int32]], label: int
) -> torch.Tensor:
    logits = torch.from_numpy(predict_logits(classifier, reviews, _ROWS_AT_ONCE))
    return class_log_odds(logits, label)


def integrated_gradients(
    classifier: Classifier,
    tokens: NDArray[np.int32],
    label: int = 1,
    unexplained: float = UNEXPLAINED,
) -> Attribution:
    """Integrated gradients over what is read (Sundararajan, Taly & Yan 2017).

    On the straight path from the baseline b, where every token has the vector of the unknown token
    and no n-gram has a log odds, to the review's own inputs x, token i gets
    `(x_i - b) . integral of dlogit/dx_i along the path`; an n-gram counts for its last token. By
    the fundamental theorem the tokens add up to `logit - baseline`; the convergence delta is the
    error of the midpoint rule. For a long review the logit turns within a small part of the path.
    So the rule is applied to pieces of it, and the pieces that explain their own difference worst
    are halved until they leave little open, or are too many.

    Args:
        classifier: In evaluation mode.
        tokens: Token ids int32 [tokens] of one review.
        label: Place of the class that is explained.
        unexplained: What all pieces may leave open, as `UNEXPLAINED` is meant.
    """
    along_path = partial(_along_path, classifier, tokens, label=label)
    edges = np.linspace(0, 1, _FIRST_PIECES + 1)
    logits, _ = along_path(edges)
    pieces = _Pieces.of(along_path, edges[:-1], edges[1:], logits[:-1], logits[1:])
    allowed = _allowed(logits[-1] - logits[0], unexplained)
    while np.abs(pieces.missing).sum() > allowed and len(pieces.begin) < _MOST_PIECES:
        pieces = pieces.refined(along_path)
    return Attribution(pieces.explained.sum(axis=0), float(logits[-1]), float(logits[0]))


def _allowed(difference: float, share: float) -> float:
    return share * max(1.0, abs(difference))


class _Pieces(NamedTuple):
    """Pieces of the path, each with the change in its middle."""

    begin: NDArray[np.float64]
    """Position on the path, from 0 at the baseline to 1 [pieces]."""
    end: NDArray[np.float64]
    at_begin: NDArray[np.float64]
    """Logit [pieces]."""
    at_middle: NDArray[np.float64]
    at_end: NDArray[np.float64]
    changes: NDArray[np.float64]
    """In the middle, as `_along_path` returns them [pieces, tokens]."""

    @classmethod
    def of(
        cls,
        along_path: _AlongPath,
        begin: NDArray[np.float64],
        end: NDArray[np.float64],
        at_begin: NDArray[np.float64],
        at_end: NDArray[np.float64],
    ) -> Self:
        """Look at the middle of each piece."""
        at_middle, changes = along_path((begin + end) / 2)
        return cls(begin, end, at_begin, at_middle, at_end, changes)

    @property
    def explained(self) -> NDArray[np.float64]:
        """By each token [pieces, tokens], by the midpoint rule."""
        found: NDArray[np.float64] = (self.end - self.begin)[:, None] * self.changes
        return found

    @property
    def missing(self) -> NDArray[np.float64]:
        """What the tokens leave open of each piece's own difference [pieces]."""
        found: NDArray[np.float64] = self.at_end - self.at_begin - self.explained.sum(axis=1)
        return found

    def refined(self, along_path: _AlongPath) -> "_Pieces":
        """With the pieces halved that miss most, as many as can be looked at together."""
        order = np.argsort(-np.abs(self.missing), kind="stable")
        halved, kept = np.split(order, [_ROWS_AT_ONCE // 2])
        middle = (self.begin + self.end) / 2
        halves = _Pieces.of(
            along_path,
            np.concatenate([self.begin[halved], middle[halved]]),
            np.concatenate([middle[halved], self.end[halved]]),
            np.concatenate([self.at_begin[halved], self.at_middle[halved]]),
            np.concatenate([self.at_middle[halved], self.at_end[halved]]),
        )
        fields = zip(self, halves, strict=True)
        return _Pieces(*(np.concatenate([old[kept], new]) for old, new in fields))


def _along_path(
    classifier: Classifier,
    tokens: NDArray[np.int32],
    positions: NDArray[np.float64],
    label: int = 1,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log odds of a class at points of the path, and how fast each token changes them there.

    Args:
        classifier: In evaluation mode.
        tokens: int32 [tokens].
        positions: On the path, from 0 at the baseline to 1 [points].
        label: Place of the class.

    Returns:
        Log odds [points], and (x_i - b) . dlogit/dx_i [points, tokens].
    """
    points = torch.from_numpy(positions).float()
    steps = [_step(classifier, tokens, some, label) for some in torch.split(points, _ROWS_AT_ONCE)]
    logits, changes = (torch.cat(found).double().numpy() for found in zip(*steps, strict=True))
    return logits, changes


def _step(
    classifier: Classifier, tokens: NDArray[np.int32], positions: torch.Tensor, label: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """What `_along_path` does, for as many points as are looked at together."""
    batch, lengths = collate(
        [tokens] * len(positions), classifier.config.padding, classifier.batch_width
    )
    path = _Path(classifier, positions)
    logits = class_log_odds(path.logits(batch, lengths), label)
    is_token = batch != PADDING_ID
    changes = path.changes(logits).T.double()[is_token].reshape(len(positions), len(tokens))
    return logits.detach(), changes


class _Path:
    """The straight path between the inputs of a baseline and of a review.

    Args:
        classifier: Reads points of the path in place of the review's vectors and log odds.
        positions: On the path, from 0 at the baseline to 1, float32 [points].
    """

    def __init__(self, classifier: Classifier, positions: torch.Tensor) -> None:
        self._classifier = classifier
        self._positions = positions[:, None]
        self._points: list[torch.Tensor] = []
        self._differences: list[torch.Tensor] = []

    def logits(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """The classifier's at each point.

        Takes the review once for each, int64 [points, time] and [points].
        """
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
        """(x_i - b) . dlogit/dx_i, [time, points], of one number at each point."""
        gradients = torch.autograd.grad(logits.sum(), self._points)
        pairs = zip(gradients, self._differences, strict=True)
        parts = [(gradient * difference).sum(-1) for gradient, difference in pairs]
        return torch.stack(parts).sum(0)

    def _between_vectors(
        self, _: object, arguments: tuple[torch.Tensor], end: torch.Tensor
    ) -> torch.Tensor:
        is_token = (arguments[0] != PADDING_ID)[..., None]
        unknown = self._classifier.embedding.weight[UNKNOWN_ID]
        return self._between(torch.where(is_token, unknown, end), end)

    def _between_log_odds(self, _: object, __: object, end: torch.Tensor) -> torch.Tensor:
        return self._between(torch.zeros_like(end), end)

    def _between(self, baseline: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
        """Points between two inputs [time, points, features], ready for their gradients."""
        difference = (end - baseline).detach()
        points = (end.detach() - (1 - self._positions) * difference).requires_grad_()
        self._points.append(points)
        self._differences.append(difference)
        return points
