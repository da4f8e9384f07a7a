"""The trained classifier as three plain files that nothing can hide code in.

- `model.safetensors`: the weights; equal weights make equal bytes
- `config.json`: the architecture and how text is cut
- `tokenizer.json`: tokens and their ids, as `tokenizers` writes them
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import torch
from pydantic import Field, NonNegativeInt, PositiveInt, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn
from torch.overrides import TorchFunctionMode

from imdb_rnn.config import MOST_CLASSES, Model, Section
from imdb_rnn.data.classes import SENTIMENT
from imdb_rnn.data.tokenizer import End, Tokenizer
from imdb_rnn.errors import UserError
from imdb_rnn.io.atomic import replacing
from imdb_rnn.messages import shortened
from imdb_rnn.models.classifier import Classifier

WEIGHTS: Final = "model.safetensors"
CONFIG: Final = "config.json"
TOKENIZER: Final = "tokenizer.json"
TRAINED: Final = Path("models/rnn")
"""Where the pipeline puts its own."""


class _Config(Section):
    """Contents of `config.json`."""

    format: Literal[4]
    vocabulary_size: PositiveInt
    max_length: PositiveInt
    truncation: End
    ngrams: list[NonNegativeInt]
    ngram_skip: bool = False  # not written where it is false
    classes: Annotated[list[str], Field(min_length=2, max_length=MOST_CLASSES)]
    model: Model


def save_model(
    folder: Path,
    classifier: Classifier,
    tokenizer: Tokenizer,
    classes: Sequence[str] = SENTIMENT,
) -> None:
    """Write a classifier with all that is needed to use it on raw text.

    Args:
        folder: Made, or filled anew; what else is in it stays.
        classifier: On any device.
        tokenizer: It was trained with.
        classes: Their names, in the order of the logits.
    """
    weights = {
        name: weight.detach().cpu().contiguous() for name, weight in classifier.state_dict().items()
    }
    config = _Config(
        format=4,
        vocabulary_size=classifier.vocabulary_size,
        max_length=tokenizer.max_length,
        truncation=tokenizer.truncation,
        ngrams=classifier.phrases.sizes,
        ngram_skip=classifier.ngram_skip,
        classes=list(classes),
        model=classifier.config,
    )
    with replacing(folder) as unfinished:
        unfinished.mkdir()
        (unfinished / WEIGHTS).write_bytes(save(weights))
        unsaid = set() if config.ngram_skip else {"ngram_skip"}
        text = config.model_dump_json(indent=2, exclude=unsaid)
        (unfinished / CONFIG).write_text(text + "\n", encoding="utf-8")
        tokenizer.save(unfinished / TOKENIZER)


def load_model(folder: Path) -> Classifier:
    """Read a classifier, ready to predict on the CPU.

    Raises:
        UserError: A file is missing or damaged, or the weights do not fit the
            architecture.
    """
    config = _load_config(folder)
    path = folder / WEIGHTS
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise _unusable(path, str(error)) from None
    outline = _outline(config, folder).state_dict()
    expected = {name: list(weight.shape) for name, weight in outline.items()}
    found = {name: list(weight.shape) for name, weight in weights.items()}
    wrong = [n for n in sorted(expected | found) if expected.get(n) != found.get(n)]
    if wrong:
        raise _unusable(
            path,
            f"its weights do not fit {CONFIG}: {wrong[0]} is {found.get(wrong[0])} where "
            f"{expected.get(wrong[0])} is needed",
        )
    if not all(torch.isfinite(weight).all() for weight in weights.values()):
        raise _unusable(path, "some weights are not finite")
    # Built anew: giving the outline memory would import SymPy, for half a second.
    classifier = _undrawn(config)
    classifier.load_state_dict(weights)
    return classifier.eval()


def _outline(config: _Config, folder: Path) -> Classifier:
    """The architecture without weights: it takes no memory, whatever sizes the file asks for."""
    try:
        with torch.device("meta"):
            return _undrawn(config)
    except (RuntimeError, TypeError, OverflowError) as error:  # sizes beyond all integers
        reason = str(error).partition("\n")[0]
        raise _unusable(folder / CONFIG, f"nothing is that large: {reason}") from None


def _undrawn(config: _Config) -> Classifier:
    """A classifier whose weights are still to come."""
    with _NothingDrawn():
        return Classifier(
            config.vocabulary_size,
            config.max_length,
            config.model,
            ngrams=config.ngrams,
            classes=len(config.classes),
            ngram_skip=config.ngram_skip,
        )


class _NothingDrawn(TorchFunctionMode):
    """Leaves the embedding as it is.

    To draw numbers for a tensor without memory, PyTorch first imports its compiler, which takes as
    long as importing PyTorch.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the function returns
        if func is nn.init.normal_:
            return (kwargs or {}).get("tensor", *args[:1])
        return func(*args, **(kwargs or {}))


def load_tokenizer(folder: Path) -> Tokenizer:
    """Read how the classifier's texts become token ids.

    Raises:
        UserError: A file is missing or damaged, or the tokenizer knows more tokens than
            the classifier.
    """
    config = _load_config(folder)
    path = folder / TOKENIZER
    try:
        tokenizer = Tokenizer.load(path, config.max_length, config.truncation)
    except ValueError as error:
        raise _unusable(path, str(error)) from None
    largest = tokenizer.vocabulary_size - 1
    if largest >= config.vocabulary_size:
        raise _unusable(path, f"it has a token {largest}, {CONFIG} says {config.vocabulary_size}")
    return tokenizer


def load_classes(folder: Path) -> tuple[str, ...]:
    """Names of the classes, in the order of the logits.

    Raises:
        UserError: The configuration is missing or damaged.
    """
    return tuple(_load_config(folder).classes)


def _load_config(folder: Path) -> _Config:
    path = folder / CONFIG
    try:
        return _Config.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(path, str(error)) from None
    except ValidationError as error:
        problems = "; ".join(
            ".".join(map(str, problem["loc"]))
            + f": {problem['msg']}, got {shortened(repr(problem['input']), 60)}"
            for problem in error.errors()
        )
        raise _unusable(path, problems) from None


def _unusable(path: Path, what: str) -> UserError:
    if path.parent != TRAINED:
        remedy = "Copy the folder of the model anew, or name another."
    elif path.exists():
        remedy = "Delete it; `dvc repro train` brings the model back."
    else:
        remedy = "`dvc repro train` brings the model back."
    return UserError(f"{path}: this file of the trained model cannot be used: {what}. {remedy}")
