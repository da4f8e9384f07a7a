"""Training as a real process that is really killed, and started again."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import numpy as np
import pytest
import torch
import yaml

from imdb_rnn.data.classes import SENTIMENT
from imdb_rnn.data.token_store import write_store
from imdb_rnn.data.tokenizer import Tokenizer
from imdb_rnn.experiments.named import merged
from imdb_rnn.features.ngram_log_odds import NgramTable, save_ngrams
from imdb_rnn.io.array_file import write_array
from imdb_rnn.io.json_file import write_json
from reliability import Reliability
from results import TEXTS, shipped_params, write_dataset_facts
from stages.forked import start

KILLS = 20
WORDS = 30
SMALL = {
    "model": {"hidden_size": 4, "embedding_size": 4},
    "train": {"epochs": 2, "min_steps": 0, "batch_size": 8, "threads": 1, "device": "cpu"},
}
OUTPUTS = ["models/rnn/model.safetensors", "models/rnn/config.json", "models/rnn/tokenizer.json"]
OUTPUTS += ["reports/history.csv", "reports/train.json"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """A folder with everything that `train` reads, and with an empty store of runs."""
    folder = tmp_path_factory.mktemp("project")
    params = merged(shipped_params().model_dump(mode="json"), SMALL)
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    write_dataset_facts(folder)
    facts = folder / "data/prepared/dataset.json"
    sizes = {"vocabulary_size": WORDS, "max_length": 12, "truncation": "head"}
    write_json(facts, {"variant": "full", "classes": SENTIMENT, **sizes})
    Tokenizer.train(TEXTS * 2, shipped_params().prepare).save(facts.parent / "tokenizer.json")
    random = np.random.default_rng(0)
    for name, count in (("train", 80), ("valid", 20), ("unsup", 40)):
        reviews = [random.integers(2, WORDS, 8).astype(np.int32) for _ in range(count)]
        labels = [-1 if name == "unsup" else i % 2 for i in range(count)]
        write_store(facts.parent / name, reviews, labels, [str(i) for i in range(count)])
    write_array(folder / "data/pseudo_labels.npy", random.random(40).astype(np.float32))
    vectors = random.standard_normal((WORDS, 4)).astype(np.float32)
    write_array(folder / "models/word_vectors.npy", vectors)
    ngrams = NgramTable(WORDS, [3])
    ngrams.get_buffer("keys_1").copy_(torch.tensor([2, 5, 9]))
    ngrams.get_buffer("polarities_1").copy_(torch.tensor([0.5, -1.0, 2.0]))
    ngrams.get_buffer("reviews_1").fill_(100)
    save_ngrams(folder / "models/ngram_log_odds.safetensors", ngrams)
    shutil.copyfile(empty_store, folder / "mlflow.db")
    return folder


def finish(folder: Path) -> float:
    """Train to the end, in so many seconds."""
    process = start("train", folder)
    began = time.monotonic()  # the first start waits for the server
    process.join()
    assert process.exitcode == 0
    return time.monotonic() - began


def outputs(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in OUTPUTS}


@pytest.fixture(scope="module")
def undisturbed(project: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A folder where nothing happened, and the seconds that the training took."""
    folder = tmp_path_factory.mktemp("undisturbed") / "project"
    shutil.copytree(project, folder)
    return folder, finish(folder)


def test_a_training_killed_at_any_moment_ends_as_if_nothing_had_happened(
    project: Path, undisturbed: tuple[Path, float], tmp_path: Path, reliability: Reliability
) -> None:
    expected, seconds = outputs(undisturbed[0]), undisturbed[1]
    curves = recorded(undisturbed[0])
    random = np.random.default_rng(1)
    signals = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
    kills, resumed, different = 0, 0, []
    while kills < KILLS:
        folder = tmp_path / str(kills)
        shutil.copytree(project, folder, dirs_exist_ok=True)
        number = signals[kills % len(signals)]
        process = start("train", folder)
        if kills % 4:  # most of them while steps are taken, the others at any moment
            wait_for_checkpoint(folder)
            process.join(random.uniform(0, seconds / 4))
        else:
            process.join(random.uniform(0, seconds))
        if process.exitcode is not None:
            shutil.rmtree(folder)
            continue
        os.kill(process.pid or 0, number)
        process.join()
        resumed += bool(checkpoints(folder))
        finish(folder)
        identical = outputs(folder) == expected and recorded(folder) == curves
        kills += 1
        reliability.count_kill(identical=identical)
        if not identical:
            different.append(f"{number.name}, kill {kills}")
        assert not checkpoints(folder)
    assert different == []
    assert resumed >= KILLS / 2, "most kills came before the first checkpoint or after the last"


def checkpoints(folder: Path) -> list[Path]:
    return list((folder / ".cache/train").glob("[!.]*.checkpoint"))


def wait_for_checkpoint(folder: Path) -> None:
    while not checkpoints(folder):
        time.sleep(0.005)


def test_two_processes_that_train_the_same_take_turns(
    project: Path, undisturbed: tuple[Path, float], tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    shutil.copytree(project, folder)
    processes = [start("train", folder, seconds_between=1e9) for _ in range(2)]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert outputs(folder) == outputs(undisturbed[0])
    assert recorded(folder) == recorded(undisturbed[0])


def test_a_stopped_training_says_what_was_saved_and_how_to_go_on(
    project: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    shutil.copytree(project, folder)
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    params["train"]["epochs"] = 100_000
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    command = [sys.executable, "-m", "imdb_rnn.stages.train"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            next(line for line in process.stdout if "epoch 2 of" in line)
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=120)
        finally:
            process.kill()  # where the test has failed
    assert process.returncode == 130
    assert re.search(r"stopped and saved after step \d+; `dvc repro` goes on from there", said)
    assert recorded(folder)[0] == "KILLED"


def recorded(folder: Path) -> tuple[str, dict[str, list[tuple[int, float]]]]:
    """The status of the one run in MLflow, and its curves."""
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db")
    (experiment,) = [e for e in client.search_experiments() if e.name == "imdb-rnn"]
    (run,) = client.search_runs([experiment.experiment_id])
    curves = {
        name: [(p.step, p.value) for p in client.get_metric_history(run.info.run_id, name)]
        for name in run.data.metrics
    }
    return run.info.status, curves
