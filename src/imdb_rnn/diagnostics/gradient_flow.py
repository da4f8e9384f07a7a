"""How much of a review's loss arrives, as a gradient, at the state after each of its words."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import nn

from imdb_rnn.data.batches import collate
from imdb_rnn.data.classes import is_binary, targets_of
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.diagnostics.equations import Array
from imdb_rnn.diagnostics.summaries import rounded
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.head import loss
from imdb_rnn.models.pooling import pool

QUANTILES: Final = {"low": 0.1, "median": 0.5, "high": 0.9}
"""Over the reviews: the band's lower edge, the median, the upper edge."""

FEWEST_WORDS: Final = 3
"""To measure a step back in: the loss has no gradient by the LSTM's last memory."""

_REVIEWS_AT_ONCE: Final = 100
_SMALLEST: Final = 1e-300
_BLOCK_OF_NEW_CONTENT: Final = {"GRU": 2, "LSTM": 2}


class GradientFlow(NamedTuple):
    """Euclidean norms of gradients, float64 [words, reviews], from each review's end backwards."""

    by_state: Array
    """Of dL/dh_t through everything that follows, L being the review's own loss."""
    by_memory: Array | None
    """The same by the LSTM's cell state, which hands gradients on without a matrix."""


class Spectrum(NamedTuple):
    """What the recurrent matrix W_h does to a gradient in one step of a plain cell."""

    radius: float
    """Largest absolute eigenvalue: the factor a step in the long run, were f the identity."""
    largest_singular_value: float
    """The most that one step can stretch a gradient by, as the derivative of f is at most 1."""


class Snapshot(NamedTuple):
    """A network at one moment."""

    flow: GradientFlow
    spectrum: Spectrum

    def numbers(self) -> dict[str, float]:
        """Medians over the reviews, at the nearest and the farthest word, and W_h."""
        _, median, _ = band(self.flow.by_state)
        numbers = {
            "norm_at_last_word": median[0],
            "norm_at_farthest_word": median[-1],
            "orders_of_magnitude": orders_of_magnitude(median),
            "factor_per_step": factor_per_step(median),
            "spectral_radius": self.spectrum.radius,
            "largest_singular_value": self.spectrum.largest_singular_value,
        }
        if self.flow.by_memory is not None:
            _, by_memory, _ = band(self.flow.by_memory)
            # The loss reads h_t, so the last cell state itself has no part in it.
            numbers["memory_factor_per_step"] = factor_per_step(by_memory[1:])
        return numbers


def snapshot(classifier: Classifier, reviews: TokenStore, words: int) -> Snapshot:
    """A small network as it is now; see `gradient_flow`."""
    return Snapshot(gradient_flow(classifier, reviews, words), spectrum(classifier))


def gradient_flow(classifier: Classifier, reviews: TokenStore, words: int) -> GradientFlow:
    """Send each review's loss back through the unrolled steps.

    In float64, in which norms down to 1e-150 can be told from zero.

    Args:
        classifier: Of one layer and one direction, which reads words alone; left as it is.
        reviews: Labelled, each of at least `words` words.
        words: Last words of each review at which to measure.
    """
    network = _in_float64(classifier)
    pieces = [
        _flow_of_some(
            network,
            [reviews[i] for i in range(begin, min(begin + _REVIEWS_AT_ONCE, len(reviews)))],
            reviews.labels[begin : begin + _REVIEWS_AT_ONCE],
            words,
        )
        for begin in range(0, len(reviews), _REVIEWS_AT_ONCE)
    ]
    by_state, by_memory = zip(*pieces, strict=True)
    return GradientFlow(
        np.concatenate(by_state, axis=1),
        None if by_memory[0] is None else np.concatenate(by_memory, axis=1),
    )


def _flow_of_some(
    network: Classifier, reviews: list[NDArray[np.int32]], label: NDArray[np.int8], words: int
) -> GradientFlow:
    """The flow in a few reviews, all of whose states are in memory at once."""
    config = network.config
    side = "post" if config.mask_padding else config.padding
    tokens, lengths = collate(reviews, side, network.batch_width)
    width = tokens.shape[1]
    read = lengths if config.mask_padding else torch.full_like(lengths, width)
    steps = _unrolled(network, tokens)
    states = torch.cat([parts[0] for parts in steps])
    logits = network.output(pool(states, read, config))
    if is_binary(network.classes):
        logits = logits.squeeze(-1)
    targets = torch.from_numpy(targets_of(label, network.classes)).double()
    total = loss(logits, targets, reduction="sum")
    total.backward()  # type: ignore[no-untyped-call]  # PyTorch leaves it untyped
    ends = (lengths if side == "post" else torch.full_like(lengths, width)).numpy()
    places = ends - 1 - np.arange(words)[:, None]
    by_state, *others = (
        np.take_along_axis(np.stack([_norms(part) for part in parts]), places, axis=0)
        for parts in zip(*steps, strict=True)
    )
    return GradientFlow(by_state, others[0] if others else None)


def band(norms: Array) -> Array:
    """`QUANTILES` over the reviews, [3, words], of norms [words, reviews]."""
    quantiles: Array = np.quantile(norms, list(QUANTILES.values()), axis=1)
    return quantiles


def gradient_points(snapshots: Mapping[str, Snapshot]) -> pa.Table:
    """Bands of gradient norms: distance, and NAME_low, NAME_median, NAME_high of each network.

    An LSTM has NAME_memory as well, the median by its cell state. What is zero is left out: it has
    no place on a logarithmic axis.
    """
    columns = {
        name: pa.array([rounded(v, 6) if v > 0 else None for v in values], pa.float64())
        for network, found in snapshots.items()
        for name, values in _columns(network, found.flow)
    }
    distances = np.arange(max(map(len, columns.values())))
    return pa.table({"distance": distances} | columns)


def _columns(network: str, flow: GradientFlow) -> Iterator[tuple[str, Array]]:
    for quantile, values in zip(QUANTILES, band(flow.by_state), strict=True):
        yield f"{network}_{quantile}", values
    if flow.by_memory is not None:
        yield f"{network}_memory", band(flow.by_memory)[1]


def factor_per_step(norms: Array) -> float:
    """By what a norm is multiplied with each step away from the loss, on geometric average.

    Args:
        norms: [words], from the loss backwards.
    """
    return float((norms[-1] / max(norms[0], _SMALLEST)) ** (1 / max(len(norms) - 1, 1)))


def orders_of_magnitude(norms: Array) -> float:
    """Powers of ten by which a norm shrinks from the first word to the last; negative if it grows.

    A norm counts as 1e-300 at least, so that there is a number where nothing arrives at all.

    Args:
        norms: [words], from the loss backwards.
    """
    near, far = np.log10(np.maximum(norms[[0, -1]], _SMALLEST))
    return float(near - far)


def recurrence(classifier: Classifier) -> nn.RNNBase:
    """The cell of the first layer, as it reads forwards."""
    return next(module for module in classifier.modules() if isinstance(module, nn.RNNBase))


def spectrum(classifier: Classifier) -> Spectrum:
    """Of W_h; of a gated cell, the block that makes the new content, which is all a plain one has.

    Args:
        classifier: Of one layer.
    """
    cell = recurrence(classifier)
    block = _BLOCK_OF_NEW_CONTENT.get(cell.mode, 0)
    weights = dict(cell.named_parameters())["weight_hh_l0"].detach().double()
    matrix = torch.split(weights, cell.hidden_size)[block].numpy()
    return Spectrum(
        float(np.abs(np.linalg.eigvals(matrix)).max()), float(np.linalg.norm(matrix, ord=2))
    )


def _in_float64(classifier: Classifier) -> Classifier:
    network = Classifier(
        classifier.vocabulary_size,
        classifier.max_length,
        classifier.config,
        classes=classifier.classes,
    )
    network.load_state_dict(classifier.state_dict())
    return network.double().requires_grad_(requires_grad=False)


def _unrolled(network: Classifier, tokens: torch.Tensor) -> list[tuple[torch.Tensor, ...]]:
    """Parts of the state after each step, [1, batch, hidden] each, which keep their gradients."""
    cell = recurrence(network)
    start = torch.zeros(1, len(tokens), cell.hidden_size, dtype=torch.float64, requires_grad=True)
    state = (start, start) if cell.mode == "LSTM" else start
    steps: list[tuple[torch.Tensor, ...]] = []
    for inputs in network.embedding(tokens.T):
        state = cell(inputs[None], state)[1]
        steps.append(state if isinstance(state, tuple) else (state,))
        for part in steps[-1]:
            part.retain_grad()
    return steps


def _norms(state: torch.Tensor) -> Array:
    """Of the gradient by one state, [batch]; PyTorch keeps none where nothing depends on it."""
    gradient = torch.zeros_like(state) if state.grad is None else state.grad
    norms: Array = gradient[0].norm(dim=-1).numpy()
    return norms
