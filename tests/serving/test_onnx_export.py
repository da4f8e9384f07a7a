"""The exported graph, run by another program, against the classifier."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch

from imdb_rnn.data.batches import collate
from imdb_rnn.errors import UserError
from imdb_rnn.io.atomic import unfinished_name
from imdb_rnn.models.cell import onnx_form
from imdb_rnn.models.cells import CELLS
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.predictor import Predictor
from imdb_rnn.models.saved_model import load_tokenizer
from imdb_rnn.serving import onnx_export
from imdb_rnn.serving.onnx_export import export_onnx, onnx_model
from limits import largest_file
from models.shapes import model_shape
from results import TEXTS, small_params, write_model

VOCABULARY, MAX_LENGTH = 9, 14


def classifier(
    ngrams: list[int], classes: int = 2, *, skip: bool = False, **shape: Any
) -> Classifier:
    config = model_shape(**shape)
    made = Classifier(
        VOCABULARY, MAX_LENGTH, config, 1, ngrams, classes=classes, ngram_skip=skip
    ).eval()
    random = torch.Generator().manual_seed(3)
    for weight in made.parameters():
        weight.data.normal_(generator=random)
    if skip:  # not all reviews shall be certain
        made.output.weight.data[:, -made.skipping_features :] /= 10
    for length, number in enumerate(ngrams, start=1):
        keys = torch.randperm(VOCABULARY * max(number, 3), generator=random)
        keys = keys[keys % VOCABULARY > 1]  # n-grams consist of known words
        made.phrases.get_buffer(f"keys_{length}").copy_(keys[:number].sort().values)
        made.phrases.get_buffer(f"polarities_{length}").normal_(generator=random)
    return made


def batch(count: int, seed: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    random = np.random.default_rng(seed)
    lengths = random.integers(1, MAX_LENGTH + 1, count)
    words = [random.integers(1, VOCABULARY, length).astype(np.int32) for length in lengths]
    return collate(words, "post", None)


def run(graph: bytes, tokens: torch.Tensor, lengths: torch.Tensor) -> np.ndarray:
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"tokens": tokens.numpy(), "lengths": lengths.numpy()})
    return np.asarray(found)


@pytest.mark.parametrize(
    "shape",
    [
        {"cell": "lstm", "pooling": "max+mean", "bidirectional": True},
        {"cell": "gru", "pooling": "mean", "bidirectional": True, "layers": 2},
        {"cell": "rnn", "pooling": "last", "nonlinearity": "relu"},
        {"cell": "rnn", "pooling": "max", "bidirectional": True},
        {"cell": "lstm", "pooling": "last", "bidirectional": True},
        {"cell": "min_gru", "pooling": "mean"},
        {"cell": "min_gru", "pooling": "max+mean", "bidirectional": True, "layers": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("ngrams", "skip"), [([], False), ([5, 12, 0], False), ([5, 12, 0], True), ([4, 8, 15], False)]
)
def test_the_graph_agrees_with_the_classifier(
    ngrams: list[int], shape: dict[str, Any], *, skip: bool
) -> None:
    made = classifier(ngrams, skip=skip, **shape)
    graph = onnx_model(made).SerializeToString()
    for count in (1, 40):  # one graph takes any number of reviews of any length
        tokens, lengths = batch(count)
        with torch.no_grad():
            expected = made(tokens, lengths).sigmoid().numpy()
        np.testing.assert_allclose(run(graph, tokens, lengths), expected, rtol=0, atol=1e-5)
    assert np.ptp(expected) > 0.1


@pytest.mark.parametrize("shape", [{"cell": "lstm", "pooling": "max+mean", "bidirectional": True}])
@pytest.mark.parametrize(("ngrams", "skip"), [([], False), ([5, 12, 0], True), ([4, 8], False)])
def test_of_three_classes_the_graph_gives_the_probability_of_each(
    ngrams: list[int], shape: dict[str, Any], *, skip: bool
) -> None:
    made = classifier(ngrams, classes=3, skip=skip, **shape)
    tokens, lengths = batch(40)
    with torch.no_grad():
        expected = made(tokens, lengths).softmax(-1).numpy()
    found = run(onnx_model(made).SerializeToString(), tokens, lengths)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert np.ptp(expected, axis=0).min() > 0.1


def test_the_page_names_the_classes_in_the_order_of_the_answer(tmp_path: Path) -> None:
    classes = ["b|ad", "so_so", "good"]
    write_model(tmp_path / "model", small_params(), classes=classes)
    difference = export_onnx(tmp_path / "model", tmp_path / "export")
    assert difference is not None
    assert difference <= 1e-5
    page = (tmp_path / "export/README.md").read_text()
    assert "| `probabilities` | float32 | batch, 3 |" in page
    assert r"b\|ad, so\_so, good, in this order" in page
    assert r"b\|ad, so\_so or good" in page.partition("\n")[0]


def test_padding_changes_nothing() -> None:
    made = classifier([5, 12], cell="lstm", pooling="max+mean", bidirectional=True)
    graph = onnx_model(made).SerializeToString()
    tokens, lengths = batch(20)
    wider = torch.nn.functional.pad(tokens, (0, 30))
    np.testing.assert_allclose(
        run(graph, wider, lengths), run(graph, tokens, lengths), rtol=0, atol=1e-6
    )


def test_the_folder_has_all_that_its_page_names(tmp_path: Path) -> None:
    write_model(tmp_path / "model", small_params())
    difference = export_onnx(tmp_path / "model", tmp_path / "export")
    assert difference is not None
    assert difference <= 1e-5
    texts = [text for text in TEXTS if text]
    tokenizer = load_tokenizer(tmp_path / "export")
    tokens, lengths = collate(list(tokenizer.encode(texts)), "post", None)
    found = run((tmp_path / "export" / "model.onnx").read_bytes(), tokens, lengths)
    expected = Predictor.load(tmp_path / "model").probabilities(texts)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    page = (tmp_path / "export" / "README.md").read_text()
    for file in (tmp_path / "export").iterdir():
        assert file.name == "README.md" or f"`{file.name}`" in page
    assert "12 words is cut to its first 6 and last 6" in page
    assert json.loads((tmp_path / "export" / "config.json").read_text())["max_length"] == 12


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "model"
    write_model(folder, small_params())
    return folder


def contents(folder: Path) -> dict[str, bytes | str | None]:
    """Everything below a folder: bytes of files, targets of links."""
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else (path.read_bytes() if path.is_file() else None)
        for path in folder.rglob("*")
    }


def test_an_export_takes_the_place_of_an_earlier_one(model: Path, tmp_path: Path) -> None:
    write_model(tmp_path / "other", small_params(), seed=2)
    export_onnx(tmp_path / "other", tmp_path / "export")
    before = contents(tmp_path / "export")
    export_onnx(model, tmp_path / "export")
    after = contents(tmp_path / "export")
    assert after.keys() == before.keys()
    assert after["model.onnx"] != before["model.onnx"]


def add(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text("mine")


@pytest.mark.hostile
@pytest.mark.parametrize("exported", [False, True], ids=["no export", "an export"])
@pytest.mark.parametrize(
    "change",
    [
        add("thesis.txt"),
        add(".gitignore"),
        add("model.onnx"),
        add("README.md"),
        lambda folder: (folder / "src").mkdir(),
        lambda folder: (folder / "dangling").symlink_to("nowhere"),
    ],
)
def test_a_folder_with_anything_else_is_refused_and_stays(
    model: Path, tmp_path: Path, change: Callable[[Path], object], *, exported: bool
) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    if exported:
        export_onnx(model, folder)
    change(folder)
    before = contents(tmp_path)
    with pytest.raises(UserError, match=f"{folder}/.*new folder"):
        export_onnx(model, folder)
    assert contents(tmp_path) == before


@pytest.mark.hostile
@pytest.mark.parametrize("name", ["model.onnx", "imdb-rnn.sha256"])
def test_an_export_with_a_link_in_it_is_refused_and_stays(
    model: Path, tmp_path: Path, name: str
) -> None:
    export_onnx(model, tmp_path / "app")
    (tmp_path / "app" / name).rename(tmp_path / name)
    (tmp_path / "app" / name).symlink_to(tmp_path / name)
    before = contents(tmp_path)
    with pytest.raises(UserError, match=f"{tmp_path / 'app'}/.*new folder"):
        export_onnx(model, tmp_path / "app")
    assert contents(tmp_path) == before


def test_an_export_gets_back_what_it_lost(model: Path, tmp_path: Path) -> None:
    export_onnx(model, tmp_path / "app")
    before = contents(tmp_path / "app")
    (tmp_path / "app/model.onnx").unlink()
    export_onnx(model, tmp_path / "app")
    assert contents(tmp_path / "app") == before


@pytest.mark.hostile
@pytest.mark.parametrize("place", ["file", "dangling", "to a file"])
def test_a_place_that_is_no_folder_is_refused_and_stays(
    model: Path, tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "to a file").symlink_to("file")
    before = contents(tmp_path)
    with pytest.raises(UserError, match=place):
        export_onnx(model, tmp_path / place)
    assert contents(tmp_path) == before


def test_an_empty_folder_or_a_link_to_one_is_filled(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    for _ in range(2):
        export_onnx(model, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "empty/model.onnx").is_file()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    export_onnx(model, Path())
    assert contents(tmp_path / "here") == contents(tmp_path / "empty")


@pytest.mark.fault
def test_an_export_that_was_killed_is_in_nobody_s_way(model: Path, tmp_path: Path) -> None:
    export_onnx(model, tmp_path / "app")
    before = contents(tmp_path / "app")
    unfinished_name(tmp_path / "app").mkdir()
    export_onnx(model, tmp_path / "app")
    assert contents(tmp_path / "app") == before


@pytest.mark.fault
def test_a_full_disk_leaves_the_earlier_export(model: Path, tmp_path: Path) -> None:
    export_onnx(model, tmp_path / "app")
    before = contents(tmp_path)
    with largest_file(100), pytest.raises(OSError, match="File too large"):
        export_onnx(model, tmp_path / "app")
    assert contents(tmp_path) == before


def test_equal_models_make_equal_bytes() -> None:
    first, second = (onnx_model(classifier([5, 12], cell="lstm")) for _ in range(2))
    assert first.SerializeToString() == second.SerializeToString()


def test_a_classifier_that_counts_padding_as_words_is_refused() -> None:
    with pytest.raises(UserError, match="mask_padding"):
        onnx_model(classifier([], mask_padding=False))


def test_a_cell_that_onnx_does_not_have_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(CELLS["min_gru"], "onnx")
    with pytest.raises(UserError, match="MinGRU cells cannot be exported"):
        onnx_model(classifier([], cell="min_gru"))


def test_a_graph_that_answers_otherwise_is_refused_and_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_model(tmp_path / "model", small_params())
    wrong = [0, 1, 2, 3]
    monkeypatch.setattr(CELLS["lstm"], "onnx", lambda cell: onnx_form(cell, "LSTM", wrong))
    with pytest.raises(UserError, match="more than 1e-05"):
        export_onnx(tmp_path / "model", tmp_path / "export")
    assert not (tmp_path / "export").exists()


def test_without_a_program_that_runs_graphs_the_export_is_written_unchecked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_model(tmp_path / "model", small_params())
    monkeypatch.setattr(onnx_export, "find_spec", lambda _: None)
    assert export_onnx(tmp_path / "model", tmp_path / "export") is None
    assert (tmp_path / "export/model.onnx").is_file()
