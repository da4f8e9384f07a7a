"""The stage `train`: which classifier it fits to what there is to learn from."""

import importlib
from pathlib import Path

import pytest
import yaml

from imdb_rnn.config import load_params
from imdb_rnn.io.array_file import read_array
from imdb_rnn.io.json_file import read_json
from imdb_rnn.models.saved_model import load_model
from stages.small_project import leave_mlflow_out, write_small_project

STAGES = ("download", "prepare", "pseudo_label", "ngram_log_odds", "word_vectors", "train")


@pytest.mark.parametrize("with_teacher", [True, False])
def test_log_odds_skip_the_recurrence_where_nothing_is_pseudo_labelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, with_teacher: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    leave_mlflow_out(monkeypatch)
    write_small_project(tmp_path)
    if not with_teacher:
        changed = yaml.safe_load(Path("params.yaml").read_text())
        changed["pseudo_label"]["teacher"] = None
        Path("params.yaml").write_text(yaml.safe_dump(changed))
    params = load_params(Path("params.yaml"))
    started: list[bool] = []
    monkeypatch.setattr(
        "imdb_rnn.stages.train.start_linear", lambda model, _: started.append(model.ngram_skip)
    )
    for name in STAGES:
        getattr(importlib.import_module(f"imdb_rnn.stages.{name}"), name)(params)
    assert len(read_array(Path("data/pseudo_labels.npy"), 1, "pseudo_label")) == (
        read_json(Path("data/raw/provenance.json"))["splits"]["unsup"]["reviews"]
        if with_teacher
        else 0
    )
    model = load_model(Path("models/rnn"))
    assert model.ngram_skip is not with_teacher
    assert ("ngram_skip" in read_json(Path("models/rnn/config.json"))) is not with_teacher
    assert started == ([] if with_teacher else [True])
