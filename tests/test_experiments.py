from pathlib import Path

import pytest
import yaml

from imdb_rnn.errors import InputRefusedError
from imdb_rnn.experiments import dvc_command, experiment_names, read_overrides

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _at_the_top(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def _shipped(path: str) -> object:
    value = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for key in path.split("."):
        value = value[key]
    return value


@pytest.mark.parametrize("name", [file.stem for file in (ROOT / "experiments").glob("*.yaml")])
def test_an_experiment_holds_only_what_differs_and_is_valid(name: str) -> None:
    overrides = read_overrides(name)
    same = [path for path, value in overrides.items() if _shipped(path) == value]
    assert overrides
    assert same == []


def test_pre_padding_differs_from_the_notebook_in_one_decision() -> None:
    notebook, other = read_overrides("notebook"), read_overrides("pre-padding")
    assert set(other.items()) - set(notebook.items()) == {("model.padding", "pre")}


def test_the_command_is_dvc_s_own_with_the_changes() -> None:
    command = dvc_command("notebook", read_overrides("notebook"))
    assert command[:6] == ["dvc", "exp", "run", "--temp", "--name", "notebook"]
    assert "model.mask_padding=false" in command
    assert "train.clip_norm=null" in command
    assert command[-1] == "evaluate"


def test_an_unknown_experiment_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputRefusedError, match="smoke"):
        read_overrides("smokee")


def test_a_mistake_in_an_experiment_names_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments/odd.yaml").write_text("train: {epcohs: 1}\n", encoding="utf-8")
    assert experiment_names() == ["odd"]
    with pytest.raises(InputRefusedError, match=r"experiments/odd.yaml: 1 problem\n.*epochs"):
        read_overrides("odd")
