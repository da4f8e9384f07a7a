"""The model folder: what is written comes back, and what does not fit is refused."""

import json
import resource
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from imdb_rnn.errors import UserError
from imdb_rnn.models.cells import CELLS
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.predictor import Predictor
from imdb_rnn.models.saved_model import load_model, load_tokenizer, save_model
from results import TEXTS, small_params, write_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_model(tmp_path / "model", small_params())
    return tmp_path / "model"


@pytest.mark.parametrize("cell", CELLS)
def test_a_model_comes_back_with_the_same_weights(tmp_path: Path, cell: str) -> None:
    params = small_params(cell=cell, layers=2)
    written = write_model(tmp_path / "model", params)
    read = load_model(tmp_path / "model")
    assert read.config == params.model
    assert read.max_length == written.max_length
    assert not read.training
    assert read.state_dict().keys() == written.state_dict().keys()
    for name, weight in written.state_dict().items():
        assert torch.equal(read.state_dict()[name], weight)


def test_a_model_comes_back_with_its_classes(tmp_path: Path) -> None:
    classes = ("bad", "so-so", "good")
    params = small_params()
    write_model(tmp_path / "model", params)
    classifier = Classifier(30, 12, params.model, classes=3)
    save_model(tmp_path / "model", classifier, load_tokenizer(tmp_path / "model"), classes)
    predictor = Predictor.load(tmp_path / "model")
    assert predictor.classes == classes
    probabilities = predictor.probabilities(TEXTS[:1])
    assert probabilities.shape == (1, 3)
    assert probabilities.sum() == pytest.approx(1)


def test_equal_models_make_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_model(tmp_path / name / "model", small_params())
    for file in (tmp_path / "one" / "model").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / "model" / file.name).read_bytes()


def test_weights_carry_no_metadata(folder: Path) -> None:
    assert b"__metadata__" not in (folder / "model.safetensors").read_bytes()


def test_the_tokenizer_cuts_as_in_training(folder: Path) -> None:
    tokenizer = load_tokenizer(folder)
    lengths = [len(review) for review in tokenizer.encode([*TEXTS, "great " * 100])]
    assert lengths == [4, 1, 1, 11, 12, 12]


def test_loading_leaves_the_global_generator_alone(folder: Path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    load_model(folder)
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.fault
@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "noise"])
def test_a_damaged_file_is_refused_by_name(
    folder: Path, file: str, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    Path("models").mkdir()
    folder = folder.rename("models/rnn")
    path = folder / file
    content = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes(
            {"empty": b"", "cut": content[: len(content) // 2], "noise": b"\xff\x00" * 50}[damage]
        )
    remedy = "`dvc repro train`" if damage == "missing" else "Delete it; `dvc repro train`"
    with pytest.raises(UserError, match=rf"{file}: .*\. {remedy}"):
        Predictor.load(folder)
    elsewhere = folder.rename("mine")
    with pytest.raises(UserError, match=rf"{file}: .*\. Copy the folder of the model anew"):
        Predictor.load(elsewhere)


@pytest.mark.fault
def test_weights_that_are_no_numbers_are_refused(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["output.bias"][:] = float("nan")
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(UserError, match=r"model\.safetensors: .*not finite"):
        load_model(folder)


@pytest.mark.hostile
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"great":', '"great":4'),
        lambda text: text.replace(
            '"truncation": null',
            '"truncation": {"direction": "Right", "max_length": 2, "strategy": "LongestFirst",'
            ' "stride": 0}',
        ),
    ],
    ids=["a word beyond the vocabulary", "cuts texts itself"],
)
def test_a_tokenizer_of_another_kind_is_refused(folder: Path, change: Any) -> None:
    path = folder / "tokenizer.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(change(text), encoding="utf-8")
    assert path.read_text(encoding="utf-8") != text
    with pytest.raises(UserError, match=r"tokenizer\.json: "):
        load_tokenizer(folder)


@pytest.mark.fault
@pytest.mark.parametrize(
    ("change", "blamed"),
    [
        ({"format": 1}, "format"),
        ({"truncation": "middle"}, "truncation"),
        ({"vocabulary_size": -1}, "vocabulary_size"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_config_of_another_kind_is_refused(
    folder: Path, change: dict[str, object], blamed: str
) -> None:
    _change_config(folder, change)
    with pytest.raises(UserError, match=rf"config\.json: .*{blamed}"):
        load_model(folder)


@pytest.mark.fault
def test_weights_of_another_architecture_are_refused(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    _change_config(folder, {"model": config["model"] | {"hidden_size": 5}})
    with pytest.raises(UserError, match=r"model\.safetensors: .*do not fit config\.json"):
        load_model(folder)


@pytest.mark.parametrize("size", [60_000, 10**7, 10**12, 10**19, 10**30])
@pytest.mark.parametrize("field", ["vocabulary_size", "ngrams", "hidden_size"])
def test_a_config_that_asks_for_terabytes_gets_none(folder: Path, field: str, size: int) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["model"] |= {"hidden_size": size} if field == "hidden_size" else {}
    changes = {"ngrams": [size], "vocabulary_size": size, "hidden_size": config["model"]}
    _change_config(folder, {"model" if field == "hidden_size" else field: changes[field]})
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match=r"(model\.safetensors|config\.json): .*Copy the"):
        load_model(folder)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 50_000  # kilobytes


def test_a_tokenizer_with_more_words_than_embeddings_is_refused(
    folder: Path,
) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    words = tokenizer["model"]["vocab"]
    words["unheard-of"] = len(words)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(UserError, match=r"tokenizer\.json: .*it has a token"):
        load_tokenizer(folder)


def _change_config(folder: Path, change: dict[str, object]) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
