from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from imdb_rnn.data.batches import collate
from imdb_rnn.diagnostics.bptt import Kind, Network, Truncation, gradients
from imdb_rnn.models.cells import CELLS
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.dropout import variational_dropout, word_dropout
from imdb_rnn.models.recurrent import RecurrentLayer
from models.shapes import model_shape

VOCABULARY, MAX_LENGTH = 20, 12
REVIEWS = [
    np.random.default_rng(length).integers(1, VOCABULARY, length).astype(np.int32)
    for length in (1, 3, 12, 7, 7)
]


def _logits(classifier: Classifier, reviews: list[Any]) -> torch.Tensor:
    with torch.no_grad():
        return classifier(*collate(reviews, classifier.config.padding, classifier.batch_width))


EVERY_SHAPE = [
    {"cell": cell, "bidirectional": both, "pooling": pooling, "padding": side, "layers": layers}
    for cell in CELLS
    for both in (False, True)
    for pooling in ("last", "mean", "max", "max+mean")
    for side in ("post", "pre")
    for layers in (1, 2)
]


@pytest.mark.parametrize(
    "choice", EVERY_SHAPE, ids=lambda choice: "-".join(map(str, choice.values()))
)
def test_a_padded_batch_gives_the_logits_of_its_reviews_one_by_one(choice: dict[str, Any]) -> None:
    classifier = Classifier(VOCABULARY, MAX_LENGTH, model_shape(**choice), seed=1)
    together = _logits(classifier, REVIEWS)
    alone = torch.cat([_logits(classifier, [review]) for review in REVIEWS])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("padding", ["post", "pre"])
def test_more_than_two_classes_have_a_logit_each_whatever_the_batch(padding: str) -> None:
    shape = model_shape(cell="lstm", bidirectional=True, pooling="max+mean", padding=padding)
    classifier = Classifier(VOCABULARY, MAX_LENGTH, shape, 1, [3, 2], classes=3)
    for length, keys in ((1, [4, 9, 13]), (2, [VOCABULARY + 9, 2 * VOCABULARY + 4])):
        classifier.phrases.get_buffer(f"keys_{length}").copy_(torch.tensor(keys))
        classifier.phrases.get_buffer(f"polarities_{length}").normal_()
    together = _logits(classifier, REVIEWS)
    assert together.shape == (len(REVIEWS), 3)
    alone = torch.cat([_logits(classifier, [review]) for review in REVIEWS])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("padding", ["post", "pre"])
def test_log_odds_that_skip_the_recurrence_are_added_up(padding: str) -> None:
    shape = model_shape(padding=padding)
    network = Classifier(VOCABULARY, MAX_LENGTH, shape, 1, [3, 2], ngram_skip=True)
    for length, keys, log_odds in (
        (1, [4, 9, 13], [0.5, -1.0, 2.0]),
        (2, [VOCABULARY + 9, 2 * VOCABULARY + 4], [1.5, 0.25]),  # the pairs (9, 9) and (13, 4)
    ):
        network.phrases.get_buffer(f"keys_{length}").copy_(torch.tensor(keys))
        network.phrases.get_buffer(f"polarities_{length}").copy_(torch.tensor(log_odds))
    with torch.no_grad():
        network.output.weight.zero_()
        network.output.weight[0, -3:] = torch.tensor([1, 10, 100])
        network.output.bias.zero_()
    reviews = [np.array(review, dtype=np.int32) for review in ([9, 9, 13, 4], [4], [5] * 9)]
    expected = [((-1 - 1 + 2 + 0.5) + 10 * (1.5 + 0.25)) / 2 + 100 * 2, 0.5 + 100, 100 * 3]
    torch.testing.assert_close(_logits(network, reviews), torch.tensor(expected))


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("both", [False, True])
def test_the_last_state_is_where_each_direction_ends(cell: str, *, both: bool) -> None:
    shape = model_shape(cell=cell, bidirectional=both, pooling="last")
    classifier = Classifier(VOCABULARY, MAX_LENGTH, shape, seed=1)
    reference = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[cell](
        shape.embedding_size, shape.hidden_size, bidirectional=both
    )
    layer = classifier.layers[0]
    names = {"": layer.forwards, "_reverse": layer.backwards}  # as PyTorch names the directions
    for suffix, direction in names.items():
        for name, weight in direction.named_parameters() if direction is not None else ():
            getattr(reference, name + suffix).data.copy_(weight)
    tokens, lengths = collate(REVIEWS, "post", None)
    with torch.no_grad():
        packed = pack_padded_sequence(classifier.embedding(tokens.T), lengths, enforce_sorted=False)
        _, ends = reference(packed)
        last = ends[0] if cell == "lstm" else ends  # [directions, batch, units]
        expected = classifier.output(last.transpose(0, 1).flatten(1)).squeeze(-1)
    torch.testing.assert_close(_logits(classifier, REVIEWS), expected)


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "max+mean"])
def test_states_that_explode_in_the_padding_do_not_reach_the_logit(pooling: str) -> None:
    shape = model_shape(nonlinearity="relu", pooling=pooling)
    classifier = Classifier(VOCABULARY, 400, shape, seed=1)
    weight = classifier.layers[0].forwards.weight_hh_l0  # type: ignore[union-attr]
    weight.data.copy_(1.4 * torch.eye(6))  # type: ignore[union-attr,operator]
    long = np.ones(400, dtype=np.int32)
    together = _logits(classifier, [REVIEWS[1], long])[0]
    torch.testing.assert_close(together, _logits(classifier, [REVIEWS[1]])[0])


def test_masked_padding_on_either_side_is_the_same() -> None:
    post = Classifier(VOCABULARY, MAX_LENGTH, model_shape(padding="post"), seed=1)
    pre = Classifier(VOCABULARY, MAX_LENGTH, model_shape(padding="pre"), seed=1)
    torch.testing.assert_close(_logits(post, REVIEWS), _logits(pre, REVIEWS))


def test_unmasked_padding_counts_as_words() -> None:
    for padding in ("post", "pre"):
        masked = Classifier(VOCABULARY, MAX_LENGTH, model_shape(padding=padding), seed=1)
        unmasked = Classifier(
            VOCABULARY, MAX_LENGTH, model_shape(padding=padding, mask_padding=False), seed=1
        )
        gap = (_logits(masked, REVIEWS) - _logits(unmasked, REVIEWS)).abs()
        full_length = [len(review) == MAX_LENGTH for review in REVIEWS]
        assert gap[full_length].max() < 1e-6
        assert gap[0] > 1e-3


def test_unmasked_logits_do_not_depend_on_the_batch_either() -> None:
    classifier = Classifier(VOCABULARY, MAX_LENGTH, model_shape(mask_padding=False), seed=1)
    alone = torch.cat([_logits(classifier, [review]) for review in REVIEWS])
    torch.testing.assert_close(_logits(classifier, REVIEWS), alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_the_plain_cell_follows_its_equation(nonlinearity: str) -> None:
    """h_t = f(W_x x_t + b_x + W_h h_{t-1} + b_h), written out in NumPy."""
    classifier = Classifier(VOCABULARY, MAX_LENGTH, model_shape(nonlinearity=nonlinearity), seed=1)
    weight = {name: value.numpy() for name, value in classifier.state_dict().items()}
    activation = {"tanh": np.tanh, "relu": lambda x: np.maximum(x, 0)}[nonlinearity]
    state = np.zeros(6)
    for word in REVIEWS[3]:
        state = activation(
            weight["layers.0.forwards.weight_ih_l0"] @ weight["embedding.weight"][word]
            + weight["layers.0.forwards.bias_ih_l0"]
            + weight["layers.0.forwards.weight_hh_l0"] @ state
            + weight["layers.0.forwards.bias_hh_l0"]
        )
    expected = weight["output.weight"] @ state + weight["output.bias"]
    assert _logits(classifier, [REVIEWS[3]]).numpy() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("cell", "reference"), [("gru", nn.GRU), ("lstm", nn.LSTM)])
def test_two_directions_equal_pytorch_on_packed_sequences(
    cell: str, reference: type[nn.RNNBase]
) -> None:
    layer = RecurrentLayer(5, model_shape(cell=cell, bidirectional=True))
    packed_layer = reference(5, 6, bidirectional=True)
    packed_layer.load_state_dict(
        dict(layer.forwards.state_dict())
        | {f"{name}_reverse": weight for name, weight in layer.backwards.state_dict().items()}  # type: ignore[union-attr]
    )
    lengths = torch.tensor([9, 4, 1])
    inputs = torch.randn(9, 3, 5, generator=torch.Generator().manual_seed(0))
    packed = packed_layer(pack_padded_sequence(inputs, lengths))[0]
    expected = pad_packed_sequence(packed)[0]
    states = layer(inputs, lengths)
    for review, length in enumerate(lengths):
        torch.testing.assert_close(states[:length, review], expected[:length, review])


def test_the_min_gru_follows_its_equation() -> None:
    """z_t = sigmoid(W_z x_t + b_z), h_t = (1 - z_t) h_{t-1} + z_t (W_n x_t + b_n)."""
    layer = RecurrentLayer(5, model_shape(cell="min_gru"))
    inputs = torch.randn(9, 3, 5, generator=torch.Generator().manual_seed(0))
    weight, bias = (w.detach().numpy() for w in layer.parameters())
    state = np.zeros((3, 6))
    for x, found in zip(inputs.numpy(), layer(inputs, torch.tensor([9, 4, 1])), strict=True):
        gate, candidate = np.split(x @ weight.T + bias, 2, axis=1)
        update = 1 / (1 + np.exp(-gate))
        state = (1 - update) * state + update * candidate
        assert found.detach().numpy() == pytest.approx(state, abs=1e-6)


def test_initial_weights_follow_from_the_seed_alone() -> None:
    def weights(seed: int) -> torch.Tensor:
        return Classifier(VOCABULARY, MAX_LENGTH, model_shape(), seed).embedding.weight

    first = weights(1)
    torch.manual_seed(99)
    state = torch.get_rng_state()
    assert torch.equal(first, weights(1))
    assert not torch.equal(first, weights(2))
    assert torch.equal(torch.get_rng_state(), state), "the global generator was moved"


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_orthogonal_initialization_keeps_norms(cell: str) -> None:
    shape = model_shape(cell=cell, initialization="orthogonal")
    cells = Classifier(VOCABULARY, MAX_LENGTH, shape, seed=1).layers[0].forwards
    for gate in cells.weight_hh_l0.detach().split(6):  # type: ignore[union-attr,operator]
        torch.testing.assert_close(gate @ gate.T, torch.eye(6), rtol=0, atol=1e-5)
    biases = cells.bias_ih_l0.detach()  # type: ignore[union-attr]
    assert biases.sum() == (6 if cell == "lstm" else 0)


def test_dropout_draws_one_mask_for_all_words_and_keeps_the_mean() -> None:
    random = torch.Generator().manual_seed(0)
    dropped = variational_dropout(torch.ones(7, 40, 50), 0.5, random)
    assert torch.equal(dropped[0], dropped[6])
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert dropped.mean().item() == pytest.approx(1, abs=0.1)


def test_word_dropout_hides_the_given_share() -> None:
    tokens = torch.full((100, 100), 7)
    hidden = word_dropout(tokens, 0.2, torch.Generator().manual_seed(0))
    assert set(hidden.unique().tolist()) == {1, 7}
    assert (hidden == 1).double().mean().item() == pytest.approx(0.2, abs=0.02)


def test_without_a_generator_nothing_is_dropped() -> None:
    features = torch.ones(3, 2, 4)
    assert torch.equal(variational_dropout(features, 0.9, None), features)
    assert torch.equal(word_dropout(torch.ones(2, 2).long(), 0.9, None), torch.ones(2, 2).long())


def _state_gradients(cell: str, *, both: bool, bptt_steps: int | None) -> torch.Tensor:
    """Of the last state of each direction by each input, [time, batch]; rows 9, 4 and 1 long."""
    layer = RecurrentLayer(5, model_shape(cell=cell, bidirectional=both))
    for number, weight in enumerate(layer.parameters()):
        torch.nn.init.normal_(weight, std=0.5, generator=torch.Generator().manual_seed(number))
    inputs = torch.randn(9, 3, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    lengths = torch.tensor([9, 4, 1])
    states = layer(inputs, lengths, bptt_steps)
    ends = states[lengths - 1, torch.arange(3)][:, :6].sum() + states[0, :, 6:].sum()
    (gradient,) = torch.autograd.grad(ends, inputs)
    return gradient.abs().amax(-1)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("steps", [1, 3, 4, 9, 20])
def test_the_gradient_ends_exactly_where_it_is_cut(cell: str, steps: int) -> None:
    arrived = _state_gradients(cell, both=False, bptt_steps=steps) > 0
    for review, length in enumerate((9, 4, 1)):
        chunk = (length - 1) // steps * steps
        expected = [chunk <= word < length for word in range(9)]
        assert arrived[:, review].tolist() == expected


@pytest.mark.parametrize("cell", CELLS)
def test_the_backward_reading_is_cut_from_its_own_beginning(cell: str) -> None:
    arrived = _state_gradients(cell, both=True, bptt_steps=3) > 0
    # Read backwards, the first word is the last; of nine words the last chunk is the first three.
    assert arrived[:, 0].tolist() == [True] * 3 + [False] * 3 + [True] * 3
    assert arrived[:, 1].tolist() == [True] + [False] * 2 + [True] + [False] * 5
    assert arrived[:, 2].tolist() == [True] + [False] * 8


@pytest.mark.parametrize(
    "choice", EVERY_SHAPE, ids=lambda choice: "-".join(map(str, choice.values()))
)
def test_cutting_the_gradient_leaves_the_logits_alone(choice: dict[str, Any]) -> None:
    classifier = Classifier(VOCABULARY, MAX_LENGTH, model_shape(**choice), seed=1)
    whole = _logits(classifier, REVIEWS)
    classifier.bptt_steps = 5
    torch.testing.assert_close(_logits(classifier, REVIEWS), whole, rtol=0, atol=1e-6)


@pytest.mark.parametrize("cell", ["tanh", "lstm"])
def test_a_cut_gradient_is_that_of_the_truncated_equations(cell: Any) -> None:
    """Chunks are the truncation with stride equal to reach, written out in `diagnostics.bptt`."""
    shape = model_shape(cell="rnn" if cell == "tanh" else cell)
    classifier = Classifier(VOCABULARY, MAX_LENGTH, shape, seed=1).double()
    classifier.bptt_steps = 4
    words = REVIEWS[2]  # three whole chunks
    logit = classifier(*collate([words], "post", None))
    nn.functional.binary_cross_entropy_with_logits(logit, torch.ones_like(logit)).backward()
    weights = [*classifier.layers[0].parameters(), *classifier.output.parameters()]
    network = Network(*(weight.detach().numpy() for weight in weights))
    inputs = classifier.embedding.weight.detach().numpy()[words]
    targets = np.ones((len(words), 1))
    kind = Kind(cell, "sigmoid", "last")
    expected = gradients(network, kind, inputs, targets, Truncation(4, 4)).weights
    for weight, gradient in zip(weights, expected, strict=True):
        np.testing.assert_allclose(weight.grad, gradient, rtol=0, atol=1e-12)


@pytest.mark.parametrize("steps", [None, 5], ids=["whole", "cut"])
@pytest.mark.parametrize("choice", [{}, {"bidirectional": True}, {"mask_padding": False}], ids=str)
def test_a_training_step_that_looks_words_up_has_the_same_gradients(
    choice: dict[str, Any], steps: int | None
) -> None:
    """A source of dropout marks a training step; without one, every word is projected anew."""
    shape = model_shape(**choice, cell="rnn", pooling="mean")
    results = []
    for random in (None, torch.Generator()):
        classifier = Classifier(VOCABULARY, MAX_LENGTH, shape, seed=1).double()
        classifier.bptt_steps = steps
        logits = classifier(*collate(REVIEWS, "post", classifier.batch_width), random)
        logits.square().sum().backward()
        results.append([logits, *(weight.grad for weight in classifier.parameters())])
    torch.testing.assert_close(results[1], results[0], rtol=0, atol=1e-12)
