"""The trained classifier for users outside Python: an ONNX graph with the tokenizer beside it.

The graph is written operator by operator. ONNX's recurrent operators read backwards from each
review's own last word, as `RecurrentLayer` does; its search for n-grams is a binary search, because
ONNX knows no other. Files of this kind hold numbers and names of operators, no code.
"""

import hashlib
import shutil
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from imdb_rnn.config import Model
from imdb_rnn.data.batches import collate
from imdb_rnn.data.classes import is_binary, question, titles_of
from imdb_rnn.data.tokenizer import Tokenizer
from imdb_rnn.errors import UserError
from imdb_rnn.features.ngram_log_odds import NO_NGRAM
from imdb_rnn.io.atomic import UNFINISHED, replacing
from imdb_rnn.messages import markdown
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.head import probabilities
from imdb_rnn.models.recurrent import RecurrentLayer
from imdb_rnn.models.saved_model import (
    CONFIG,
    TOKENIZER,
    load_classes,
    load_model,
    load_tokenizer,
)

GRAPH: Final = "model.onnx"
README: Final = "README.md"
WRITTEN: Final = (GRAPH, TOKENIZER, CONFIG, README)
_HEX_DIGITS: Final = 64  # of a SHA-256, before a file's name
SUMS: Final = "imdb-rnn.sha256"
"""By its digests an export is known again; anything else in its folder is somebody's own."""
OPSET: Final = 18
# What went with the opset, so that programs of the last years read the file too.
_FORMAT: Final = 8

_CONTRACT: Final = """# {question}

`{graph}` (ONNX, opset {opset}) answers with probabilities.

| name | type | shape | |
|---|---|---|---|
| `tokens` | int64 | batch, words | token ids, each text filled up behind with 0 |
| `lengths` | int64 | batch | words of each text, at least 1 |
{answer}

Token ids come from `{tokenizer}`, which the library
[tokenizers](https://github.com/huggingface/tokenizers) reads (Rust, Python, JavaScript and others):
encode without special tokens. A text of more than {max_length} words is cut to {cut}.
A text without any word is 1 (unknown); do not trust an answer about unknown words alone.
`{config}` tells how the classifier was built; `{sums}` has the files' digests, for
`sha256sum --check`.
"""
_CUTS: Final = {
    "head": "its first {0}",
    "tail": "its last {0}",
    "head+tail": "its first {1} and last {2}",
}

LARGEST_DIFFERENCE: Final = 1e-5
_TEXTS: Final = [
    "Superb!",
    "A moving film, and one of the best that I have seen.",
    "Not funny at all: dull from the beginning to the end, and a waste of time. " * 40,
]
"""Of very different lengths, with n-grams that reviews have."""


def export_onnx(model_folder: Path, folder: Path) -> float | None:
    """Write the graph, the tokenizer, the configuration and a page on how to use them.

    Args:
        model_folder: A model folder such as `models/rnn`.
        folder: Made, or filled anew if nothing is in it but an earlier export, unchanged.

    Returns:
        How far the graph's answers are from the classifier's, at most, on a few texts; None where
        `onnxruntime`, which runs graphs, is not installed.

    Raises:
        UserError: The model folder cannot be used, the folder holds something else, the
            classifier cannot be exported, or the graph does not answer as it does.
    """
    classifier, tokenizer = load_model(model_folder), load_tokenizer(model_folder)
    _refuse_what_is_no_export(folder)
    graph = onnx_model(classifier)
    difference = _difference(graph, classifier, tokenizer)
    if difference is not None and not difference <= LARGEST_DIFFERENCE:  # nor where it is nan
        raise UserError(
            f"{model_folder}: the graph's answers are {difference:.1g} from the classifier's, more "
            f"than {LARGEST_DIFFERENCE:g}; nothing was written. `pip install` the versions in "
            f"constraints.txt."
        )
    classes = load_classes(model_folder)
    longest = tokenizer.max_length
    cut = _CUTS[tokenizer.truncation].format(longest, longest - longest // 2, longest // 2)
    contract = _CONTRACT.format(
        question=markdown(question(classes)),
        graph=GRAPH,
        opset=OPSET,
        answer=_answer(classes),
        tokenizer=TOKENIZER,
        config=CONFIG,
        sums=SUMS,
        max_length=longest,
        cut=cut,
    )
    with replacing(folder) as unfinished:
        unfinished.mkdir()
        onnx.save(graph, unfinished / GRAPH)
        for name in (TOKENIZER, CONFIG):
            shutil.copyfile(model_folder / name, unfinished / name)
        (unfinished / README).write_text(contract, encoding="utf-8")
        sums = _sums(unfinished / name for name in WRITTEN)
        (unfinished / SUMS).write_text(sums, encoding="utf-8")
    return difference


def _answer(classes: Sequence[str]) -> str:
    """The row of the page's table about the output."""
    names = [markdown(name) for name in titles_of(classes)]
    if is_binary(len(names)):
        return f"| `probability` | float32 | batch | the answer: of {names[1]} |"
    return (
        f"| `probabilities` | float32 | batch, {len(names)} | the answer: of "
        f"{', '.join(names)}, in this order |"
    )


def _refuse_what_is_no_export(folder: Path) -> None:
    """Refuse a place where something is that no export has written."""
    if not folder.is_dir():
        if folder.exists() or folder.is_symlink():
            raise UserError(f"{folder}: it is there and is no folder. Name a new one.")
        return
    sums = folder / SUMS
    text = sums.read_text(encoding="utf-8", errors="replace") if sums.is_file() else ""
    recorded = text.splitlines(keepends=True)
    for path in sorted(folder.iterdir()):
        if not _is_exported(path, recorded):
            raise UserError(
                f"{path}: no export has written this, or it was changed since, and it would be "
                "lost. Name a new folder."
            )


def _is_exported(path: Path, recorded: list[str]) -> bool:
    """Whether an export has written a file as it is now; of a link, nobody knows."""
    if path.name == UNFINISHED:  # left by a process that was killed
        return True
    if path.is_symlink() or not path.is_file():
        return False
    if path.name == SUMS:
        return [line[_HEX_DIGITS:].strip() for line in recorded] == list(WRITTEN)
    return _sums([path]) in recorded


def _sums(files: Iterable[Path]) -> str:
    """SHA-256 of files, as the program `sha256sum` prints it."""
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files
    )


def _difference(
    graph: onnx.ModelProto, classifier: Classifier, tokenizer: Tokenizer
) -> float | None:
    """Largest distance between the answers of graph and classifier, if the graph can be run."""
    if find_spec("onnxruntime") is None:
        return None
    import onnxruntime  # noqa: PLC0415 - who exports need not have it

    tokens, lengths = collate(list(tokenizer.encode(_TEXTS)), "post", None)
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (found,) = session.run(None, {"tokens": tokens.numpy(), "lengths": lengths.numpy()})
    with torch.no_grad():
        expected = probabilities(classifier(tokens, lengths).numpy())
    return float(np.abs(found - expected).max())


def onnx_model(classifier: Classifier) -> onnx.ModelProto:
    """The classifier as an ONNX graph.

    Inputs are `tokens`, int64 [batch, words] with the padding behind, and `lengths`, int64
    [batch]; both sizes are free. The output is `probability`, float32 [batch], or of more than two
    classes `probabilities`, float32 [batch, classes].

    Raises:
        UserError: The classifier counts padding as words, or its cell has no ONNX form.
    """
    config = classifier.config
    if not config.mask_padding:
        raise UserError(
            "model.mask_padding is false: such a classifier counts padding as words, and cannot be "
            "exported. Train one that masks it."
        )
    graph = _Graph()
    words = graph.add("Transpose", "tokens", perm=[1, 0])
    inputs = _inputs(graph, classifier, words)
    features = graph.add("Concat", *inputs, axis=2)
    lengths = graph.add("Cast", "lengths", to=TensorProto.INT32)
    for layer in classifier.layers:
        features = _layer(graph, cast("RecurrentLayer", layer), features, lengths)
    pooled = _pooled(graph, config, features)
    if classifier.ngram_skip:
        pooled = graph.add("Concat", pooled, *_skipping(graph, inputs[1:]), axis=1)
    logits = graph.add(
        "Gemm",
        pooled,
        graph.constant(classifier.output.weight),
        graph.constant(classifier.output.bias),
        transB=1,
    )
    output: dict[str, list[str | int]]
    if is_binary(classifier.classes):
        odds = graph.add("Squeeze", logits, graph.constant([1]))
        output = {graph.add("Sigmoid", odds, output="probability"): ["batch"]}
    else:
        shares = graph.add("Softmax", logits, output="probabilities", axis=1)
        output = {shares: ["batch", classifier.classes]}
    return graph.model({"tokens": ["batch", "words"], "lengths": ["batch"]}, output)


class _Graph:
    """Collects operators and constants; values are known by their names."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[TensorProto] = []

    def add(
        self,
        operator: str,
        *inputs: str,
        output: str = "",
        **attributes: Any,  # noqa: ANN401 - each operator has attributes of its own
    ) -> str:
        """Append an operator; returns the name of its (first) output."""
        output = output or f"{operator}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(self, value: torch.Tensor | np.int64 | list[int] | float) -> str:
        """Store numbers; returns their name. Lists become int64, numbers float32."""
        numbers = value.detach().numpy() if isinstance(value, torch.Tensor) else value
        array = np.array(numbers, dtype=np.float32 if isinstance(value, float) else None, order="C")
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(array, name))
        return name

    def model(
        self, inputs: dict[str, list[str]], outputs: dict[str, list[str | int]]
    ) -> onnx.ModelProto:
        """The whole, checked: int64 in, float32 out, with names for the free sizes."""
        graph = helper.make_graph(
            self._nodes,
            "imdb_rnn",
            [helper.make_tensor_value_info(n, TensorProto.INT64, s) for n, s in inputs.items()],
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()],
            self._constants,
        )
        model = helper.make_model(
            graph,
            producer_name="imdb-rnn",
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=_FORMAT,
        )
        onnx.checker.check_model(model, full_check=True)
        return model


def _inputs(graph: _Graph, classifier: Classifier, words: str) -> list[str]:
    """Each word's vector, and the log odds of the n-grams of each length that end there.

    Each is [time, batch, ...].
    """
    parts = [graph.add("Gather", graph.constant(classifier.embedding.weight), words)]
    table = classifier.phrases
    beginnings = graph.add("Mul", words, graph.constant([0]))
    for length in range(1, table.max_ngram + 1):
        size = graph.constant([table.vocabulary_size])
        wanted = graph.add("Add", graph.add("Mul", beginnings, size), words)
        ngrams = _found(graph, table.get_buffer(f"keys_{length}"), wanted)
        # NO_NGRAM, -1, finds the zero at the end.
        counted = table.get_buffer(f"polarities_{length}")
        values = torch.cat([counted, counted.new_zeros(1, *counted.shape[1:])])
        log_odds = graph.add("Gather", graph.constant(values), ngrams)
        if is_binary(table.classes):
            log_odds = graph.add("Unsqueeze", log_odds, graph.constant([2]))
        parts.append(log_odds)
        beginnings = _one_word_on(graph, ngrams)
    return parts


def _skipping(graph: _Graph, log_odds: list[str]) -> list[str]:
    """What goes straight to the logits, [batch, ...], as `Classifier.skipping` has it."""
    lengths = graph.add("Unsqueeze", "lengths", graph.constant([1]))
    root = graph.add("Sqrt", graph.add("Cast", lengths, to=TensorProto.FLOAT))
    over_time = graph.constant([0])
    sums = [graph.add("ReduceSum", each, over_time, keepdims=0) for each in log_odds]
    return [*(graph.add("Div", each, root) for each in sums), root]


def _found(graph: _Graph, keys: torch.Tensor, wanted: str) -> str:
    """What `find_ngrams` finds, by halving: the last of the keys that is not above the wanted."""
    steps = len(keys).bit_length()
    # Filled up to a power of two, so that no step leads out of them; the first is below all.
    padded = torch.full((2**steps,), torch.iinfo(torch.int64).max)
    padded[0] = torch.iinfo(torch.int64).min
    padded[1 : len(keys) + 1] = keys
    sorted_keys = graph.constant(padded)
    place = graph.add("Mul", wanted, graph.constant([0]))
    for step in reversed(range(steps)):
        further = graph.add("Add", place, graph.constant([2**step]))
        reached = graph.add("LessOrEqual", graph.add("Gather", sorted_keys, further), wanted)
        place = graph.add("Where", reached, further, place)
    same = graph.add("Equal", graph.add("Gather", sorted_keys, place), wanted)
    ngram = graph.add("Sub", place, graph.constant([1]))
    return graph.add("Where", same, ngram, graph.constant([NO_NGRAM]))


def _one_word_on(graph: _Graph, ngrams: str) -> str:
    """Moved along time by one, with no n-gram at the first word."""
    ends, nothing = graph.constant([1, 0, 0, 0]), graph.constant(np.int64(NO_NGRAM))
    longer = graph.add("Pad", ngrams, ends, nothing)
    return graph.add(
        "Slice", longer, graph.constant([0]), graph.constant([-1]), graph.constant([0])
    )


def _layer(graph: _Graph, layer: RecurrentLayer, features: str, lengths: str) -> str:
    """Hidden states [time, batch, hidden_size * directions] of features [time, batch, ...]."""
    cells = [layer.forwards, layer.backwards] if layer.backwards else [layer.forwards]
    forms = [cell.onnx() for cell in cells]
    form = forms[0]
    attributes: dict[str, Any] = {
        **form.attributes,
        **{name: values * len(cells) for name, values in form.by_direction.items()},
    }
    states = graph.add(
        form.operator,
        features,
        graph.constant(torch.stack([form.weight_ih for form in forms])),
        graph.constant(torch.stack([form.weight_hh for form in forms])),
        graph.constant(torch.stack([form.bias for form in forms])),
        lengths,
        direction="bidirectional" if layer.backwards else "forward",
        hidden_size=cells[0].hidden_size,
        **attributes,
    )
    # The directions stand between time and batch.
    side_by_side = graph.add("Transpose", states, perm=[0, 2, 1, 3])
    width = len(cells) * cells[0].hidden_size
    return graph.add("Reshape", side_by_side, graph.constant([0, 0, width]))


def _pooled(graph: _Graph, config: Model, states: str) -> str:
    """One vector a review, [batch, features], as `pool` has it."""
    time = graph.add("Squeeze", graph.add("Shape", states, end=1), graph.constant([0]))
    position = graph.add("Range", graph.constant(np.int64(0)), time, graph.constant(np.int64(1)))
    position = graph.add("Unsqueeze", position, graph.constant([1]))
    is_word = graph.add("Less", position, "lengths")

    def over_time(operator: str, chosen: str, otherwise: float) -> str:
        kept = graph.add("Where", chosen, states, graph.constant(otherwise))
        return graph.add(operator, kept, graph.constant([0]), keepdims=0)

    if config.pooling == "last":
        return over_time("ReduceSum", _is_end(graph, config, position), 0.0)
    is_word = graph.add("Unsqueeze", is_word, graph.constant([2]))
    parts = []
    if "max" in config.pooling:
        parts.append(over_time("ReduceMax", is_word, float(np.finfo(np.float32).min)))
    if "mean" in config.pooling:
        count = graph.add("Cast", "lengths", to=TensorProto.FLOAT)
        count = graph.add("Unsqueeze", count, graph.constant([1]))
        parts.append(graph.add("Div", over_time("ReduceSum", is_word, 0.0), count))
    return graph.add("Concat", *parts, axis=1)


def _is_end(graph: _Graph, config: Model, position: str) -> str:
    """Bool [time, batch, features]: where the reading that a feature belongs to ends."""
    is_last = graph.add("Equal", graph.add("Add", position, graph.constant([1])), "lengths")
    is_last = graph.add("Unsqueeze", is_last, graph.constant([2]))
    if not config.bidirectional:
        return is_last
    is_first = graph.add("Equal", position, graph.constant([0]))
    is_first = graph.add("Unsqueeze", is_first, graph.constant([2]))
    units = config.hidden_size
    forwards = graph.constant(torch.arange(2 * units) < units)
    backwards = graph.constant(torch.arange(2 * units) >= units)
    return graph.add(
        "Or", graph.add("And", is_last, forwards), graph.add("And", is_first, backwards)
    )
