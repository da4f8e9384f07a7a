"""Pickles execute what their author wants. None of the files that are read may be one."""

import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from mlflow.pyfunc.model import PythonModelContext

from data.test_token_store import forge_digests
from imdb_rnn.data.reviews import read_reviews, stream_texts, variant_of
from imdb_rnn.data.token_store import TokenStore, write_store
from imdb_rnn.errors import UserError
from imdb_rnn.evaluation.predictions import read_probabilities
from imdb_rnn.features.ngram_log_odds import load_ngrams
from imdb_rnn.io.array_file import read_array
from imdb_rnn.models.predictor import Predictor
from imdb_rnn.training.checkpoint import Checkpoint
from results import small_params, write_model


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, sprung: Path) -> None:
        self.sprung = sprung

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.sprung,)


@pytest.fixture
def sprung(tmp_path: Path) -> Path:
    return tmp_path / "sprung"


def as_pickle(path: Path, trap: Trap) -> None:
    path.write_bytes(pickle.dumps(trap))


def as_object_array(path: Path, trap: Trap) -> None:
    with path.open("wb") as file:
        np.save(file, np.array([trap, trap], dtype=object), allow_pickle=True)


def as_torch_checkpoint(path: Path, trap: Trap) -> None:
    torch.save({"weights": trap}, path)


PLANT = [as_pickle, as_object_array, as_torch_checkpoint]
Plant = Callable[[Path, Trap], None]


@pytest.mark.parametrize("plant", PLANT)
def test_the_trap_would_work(tmp_path: Path, sprung: Path, plant: Plant) -> None:
    plant(tmp_path / "file", Trap(sprung))
    if plant is as_pickle:
        pickle.loads((tmp_path / "file").read_bytes())  # noqa: S301 - the point
    elif plant is as_object_array:
        np.load(tmp_path / "file", allow_pickle=True)
    else:
        torch.load(tmp_path / "file", weights_only=False)
    assert sprung.exists()


@pytest.mark.hostile
@pytest.mark.parametrize("plant", PLANT)
@pytest.mark.parametrize("name", ["tokens", "offsets", "labels", "ids"])
def test_a_token_store_does_not_run_it(
    tmp_path: Path, sprung: Path, name: str, plant: Plant
) -> None:
    folder = tmp_path / "store"
    write_store(folder, [np.array([2, 3], dtype=np.int32)], [1], ["train/pos/0_9"])
    plant(folder / f"{name}.npy", Trap(sprung))
    forge_digests(folder)
    with pytest.raises(UserError, match=rf"{name}\.npy: .*dvc repro prepare"):
        TokenStore.open(folder)
    assert not sprung.exists()


@pytest.mark.hostile
@pytest.mark.parametrize("plant", PLANT)
@pytest.mark.parametrize("digest", ["none", "forged"])
def test_a_checkpoint_does_not_run_it(
    tmp_path: Path, sprung: Path, digest: str, plant: Plant
) -> None:
    file = tmp_path / "training.checkpoint"
    plant(file, Trap(sprung))
    if digest == "forged":
        content = file.read_bytes()
        file.write_bytes(hashlib.sha256(content).digest() + content)
    with pytest.raises(UserError, match=r"training\.checkpoint: .*damaged"):
        Checkpoint(file).read()
    assert not sprung.exists()


@pytest.mark.hostile
@pytest.mark.parametrize("plant", PLANT)
def test_an_array_does_not_run_it(tmp_path: Path, sprung: Path, plant: Plant) -> None:
    file = tmp_path / "array.npy"
    plant(file, Trap(sprung))
    with pytest.raises(UserError, match=r"array\.npy: .*dvc repro"):
        read_array(file, dimensions=1, made_by="pseudo_label")
    assert not sprung.exists()


@pytest.mark.hostile
@pytest.mark.parametrize("plant", PLANT)
def test_a_phrase_table_does_not_run_it(tmp_path: Path, sprung: Path, plant: Plant) -> None:
    file = tmp_path / "n-grams.safetensors"
    plant(file, Trap(sprung))
    with pytest.raises(UserError, match=r"n-grams\.safetensors: .*dvc repro"):
        load_ngrams(file)
    assert not sprung.exists()


@pytest.mark.hostile
@pytest.mark.parametrize("plant", PLANT)
@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_model_folder_does_not_run_it(
    tmp_path: Path, sprung: Path, name: str, plant: Plant
) -> None:
    folder = tmp_path / "model"
    write_model(folder, small_params())
    plant(folder / name, Trap(sprung))
    with pytest.raises(UserError, match=rf"{name}: .*Copy the folder of the model anew"):
        Predictor.load(folder)
    assert not sprung.exists()


@pytest.mark.hostile
@pytest.mark.parametrize("plant", PLANT)
def test_an_artifact_of_mlflow_does_not_run_it(tmp_path: Path, sprung: Path, plant: Plant) -> None:
    from imdb_rnn.serving.pyfunc import TextClassifier  # noqa: PLC0415 - it registers itself

    write_model(tmp_path / "model", small_params())
    plant(tmp_path / "model" / "model.safetensors", Trap(sprung))
    with pytest.raises(UserError, match=r"model\.safetensors"):
        TextClassifier().load_context(PythonModelContext({"model": str(tmp_path / "model")}, {}))
    assert not sprung.exists()


@pytest.mark.hostile
@pytest.mark.parametrize("plant", PLANT)
@pytest.mark.parametrize(
    "read",
    [
        read_reviews,
        lambda path: list(stream_texts(path)),
        variant_of,
        lambda path: read_probabilities(path, [], "baseline"),
    ],
)
def test_a_table_does_not_run_it(
    tmp_path: Path, sprung: Path, plant: Plant, read: Callable[[Path], object]
) -> None:
    file = tmp_path / "table.parquet"
    plant(file, Trap(sprung))
    with pytest.raises(UserError, match=r"table\.parquet: .*dvc repro"):
        read(file)
    assert not sprung.exists()


@pytest.mark.hostile
def test_a_type_that_claims_to_be_a_pickle_is_not_made(tmp_path: Path, sprung: Path) -> None:
    """Old pyarrow unpickled column types (CVE-2023-47248)."""
    claims = {
        "ARROW:extension:name": "arrow.py_extension_type",
        "ARROW:extension:metadata": pickle.dumps(Trap(sprung)),
    }
    schema = pa.schema([pa.field("id", pa.string()), pa.field("label", pa.int8(), metadata=claims)])
    pq.write_table(pa.table([["x"], [1]], schema=schema), tmp_path / "table.parquet")
    read_probabilities(tmp_path / "table.parquet", ["x"], "baseline")
    with pytest.raises(UserError, match="its columns"):
        read_reviews(tmp_path / "table.parquet")
    assert not sprung.exists()
