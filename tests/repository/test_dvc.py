"""What a result came from."""

from pathlib import Path

import pytest

from imdb_rnn.repository.dvc import digest_files, dvc_experiment, fingerprint, main_checkout
from results import shipped_params

SPLITS = {"train": {"sha256": "a"}, "test": {"sha256": "b"}}


def test_the_fingerprint_follows_reviews_and_parameters_not_where_they_came_from() -> None:
    params = shipped_params()
    one = fingerprint(params, {"source": "here", "splits": SPLITS})
    assert fingerprint(params, {"source": "there", "splits": SPLITS}) == one
    assert fingerprint(params, {"splits": SPLITS | {"test": {"sha256": "c"}}}) != one
    assert fingerprint(params.model_copy(update={"seed": 2}), {"splits": SPLITS}) != one


def test_a_digest_follows_names_and_contents_not_the_order_or_the_folder(tmp_path: Path) -> None:
    digests = []
    for number, files in enumerate(
        [{"a": "1", "b": "2"}, {"b": "2", "a": "1"}, {"a": "12", "b": ""}]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_text(content)
        digests.append(digest_files(folder, folder.iterdir()))
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.fault
@pytest.mark.parametrize(
    ("copy", "trusted"),
    [
        (".dvc/tmp/exps/standalone/tmp1", True),
        (".dvc/tmp/exps/tmp1", True),
        (".dvc/tmp/exps/tmp1/original", True),  # a folder `original` of a larger repository
        (".dvc/tmp/exps/tmp1/vendor/imdb-rnn", False),  # an experiment of that one which uses us
        ("vendor/imdb-rnn", False),
        ("../elsewhere", False),
    ],
)
def test_only_the_original_of_an_experiment_is_the_main_checkout(
    copy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, trusted: bool
) -> None:
    original = tmp_path / "original"
    folder = original / copy
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DVC_ROOT", str(original))
    monkeypatch.setenv("DVC_EXP_NAME", "larky-bott")
    assert main_checkout() == (original if trusted else folder.resolve())
    assert dvc_experiment() == ("larky-bott" if trusted else None)


def test_without_dvc_the_main_checkout_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    assert main_checkout() == tmp_path
    assert dvc_experiment() is None
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("DVC_EXP_NAME", "larky-bott")
    assert dvc_experiment() == "larky-bott"
