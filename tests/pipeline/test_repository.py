"""States of a repository in which DVC keeps an experiment, and those in which it would not."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from imdb_rnn.errors import UserError
from imdb_rnn.experiments.named import kept_experiments, run_experiment
from imdb_rnn.experiments.seeds import run_seeds
from pipeline.project import ROOT, imdb_rnn, run
from repositories import forget_settings, git, give_away, set_hostile

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")

RESULT = "reports/evaluate.json"
STAGE = {
    "cmd": f"mkdir -p reports && cp params.yaml {RESULT} && if [ $RAN ]; then touch $RAN; fi",
    "deps": ["src/code.py"],
    "params": ["seed"],
    "outs": [{RESULT: {"cache": False}}],
}


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of one stage and two commits."""
    folder = tmp_path_factory.mktemp("origin")
    for file in ("params.yaml", ".gitattributes"):
        shutil.copyfile(ROOT / file, folder / file)
    (folder / ".dvc").mkdir()
    shutil.copyfile(ROOT / ".dvc/config", folder / ".dvc/config")
    (folder / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"evaluate": STAGE}}))
    (folder / "experiments").mkdir()
    for name in ("other", "two words", "-dashed", "end.lock"):
        (folder / f"experiments/{name}.yaml").write_text("seed: 7\n")
    (folder / "src").mkdir()
    (folder / "src/code.py").write_text("pass\n")
    git(folder, "init", "--quiet", "--initial-branch=main")
    done = run(["dvc", "repro"], folder)
    assert done.returncode == 0, done.stderr
    for message in ("First", "Second"):
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return folder


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder, in which Git knows of no settings."""
    home = tmp_path / "home"
    home.mkdir()
    forget_settings(monkeypatch, home)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the stage writes when it runs."""
    monkeypatch.setenv("RAN", str(tmp_path / "ran"))
    return tmp_path / "ran"


def clone(origin: Path, *options: str) -> Path:
    """The working folder's `clone`."""
    git(origin, "clone", "--quiet", *options, origin.as_uri(), str(Path("clone").absolute()))
    return Path("clone").absolute()


def as_it_is(origin: Path) -> Path:
    return clone(origin)


def detached_worktree_of_a_git_folder_elsewhere(origin: Path) -> Path:
    folder = clone(origin, "--separate-git-dir", str(Path("elsewhere.git").absolute()))
    git(folder, "worktree", "add", "--quiet", "--detach", "../worktree", "HEAD~1")
    return Path("worktree").absolute()


def submodule(origin: Path) -> Path:
    outer = Path("outer").absolute()
    outer.mkdir()
    git(outer, "init", "--quiet")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "add", str(origin), "project")
    return outer / "project"


def below_the_top(origin: Path) -> Path:
    outer = Path("outer").absolute()
    shutil.copytree(origin, outer / "project", ignore=shutil.ignore_patterns(".git"))
    git(outer, "init", "--quiet")
    git(outer, "add", ".")
    git(outer, "commit", "--quiet", "--message", "A project among others")
    return outer / "project"


def changed_pipeline_and_index_of_another_version(origin: Path) -> Path:
    folder = changed_by_nobody(origin)
    git(folder, "config", "user.name", "T")
    git(folder, "config", "user.email", "t@example.org")
    git(folder, "config", "feature.manyFiles", "true")
    git(folder, "update-index", "--index-version", "4")
    return folder


def changed_by_nobody(origin: Path) -> Path:
    folder = clone(origin)
    stage = STAGE | {"cmd": f"{STAGE['cmd']} && true"}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"evaluate": stage}}))
    return folder


def merge_under_way(origin: Path) -> Path:
    folder = clone(origin)
    git(folder, "config", "user.name", "T")
    git(folder, "config", "user.email", "t@example.org")
    git(folder, "switch", "--quiet", "--create", "side", "HEAD~1")
    (folder / "notes").write_text("side")
    git(folder, "add", "notes")
    git(folder, "commit", "--quiet", "--message", "Side")
    git(folder, "merge", "--no-commit", "--no-ff", "main")
    return folder


@pytest.mark.fault
@pytest.mark.parametrize(
    "state",
    [
        detached_worktree_of_a_git_folder_elsewhere,
        submodule,
        below_the_top,
        changed_pipeline_and_index_of_another_version,
        merge_under_way,
    ],
)
def test_an_experiment_is_kept_where_git_is_used_in_other_ways(
    origin: Path,
    ran: Path,
    monkeypatch: pytest.MonkeyPatch,
    state: Callable[[Path], Path],
) -> None:
    monkeypatch.chdir(state(origin))
    assert run_experiment("other") == 0
    assert ran.exists()
    kept = git(Path.cwd(), "show", f"{kept_experiments()['other']}:./{RESULT}")
    assert yaml.safe_load(kept)["seed"] == 7


@pytest.mark.hostile
def test_an_experiment_is_kept_where_a_hook_of_another_repository_starts_it(
    origin: Path, ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clone(origin))
    git(tmp_path, "init", "--quiet", "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    assert run_experiment("other") == 0
    assert ran.exists()
    assert "other" in kept_experiments()
    assert not list((tmp_path / "other/.git/refs").rglob("other"))


@pytest.mark.hostile
def test_settings_that_change_a_checkout_make_no_stage_seem_changed(
    origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_hostile(monkeypatch, tmp_path)
    monkeypatch.delenv("GIT_CONFIG_GLOBAL")
    shutil.copyfile(tmp_path / "hostile.cfg", tmp_path / "home/.gitconfig")  # DVC reads it there
    shutil.rmtree(tmp_path / "hooks")  # would refuse the clone
    folder = clone(origin)
    assert json.loads(run(["dvc", "status", "--json"], folder).stdout) == {}
    monkeypatch.chdir(folder)
    assert run_experiment("other") == 0
    kept = git(folder, "show", f"{kept_experiments()['other']}:dvc.lock")
    assert _dependencies(kept) == _dependencies(Path("dvc.lock").read_text())


def _dependencies(lock: str) -> object:
    return yaml.safe_load(lock)["stages"]["evaluate"]["deps"]


@pytest.mark.fault
def test_no_seed_is_trained_where_its_result_would_be_lost(
    origin: Path, ran: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shallow(origin))
    with pytest.raises(UserError, match="git fetch --unshallow"):
        run_seeds(2)
    assert not ran.exists()


def shallow(origin: Path) -> Path:
    return clone(origin, "--depth=1")


def without_a_repository(origin: Path) -> Path:
    shutil.rmtree(clone(origin) / ".git")
    return Path("clone").absolute()


def without_a_commit(origin: Path) -> Path:
    folder = without_a_repository(origin)
    git(folder, "init", "--quiet")
    return folder


def pipeline_not_committed(origin: Path) -> Path:
    folder = clone(origin)
    git(folder, "rm", "--quiet", "--cached", "dvc.yaml")
    git(folder, "commit", "--quiet", "--message", "Without the pipeline")
    return folder


def conflict(origin: Path) -> Path:
    folder = clone(origin)
    for branch in ("side", "main"):
        git(folder, "checkout", "--quiet", *(["-b"] if branch == "side" else []), branch)
        (folder / "notes").write_text(branch)
        git(folder, "add", "notes")
        git(folder, "commit", "--quiet", "--message", branch)
    with pytest.raises(AssertionError):
        git(folder, "rebase", "side")
    return folder


def told_of_no_git(origin: Path) -> Path:
    folder = clone(origin)
    (folder / ".dvc/config.local").write_text("[core]\n    no_scm = true\n")
    return folder


@pytest.mark.fault
@pytest.mark.parametrize(
    ("state", "way_out"),
    [
        (shallow, "git fetch --unshallow"),
        (without_a_repository, "git clone"),
        (without_a_commit, "git commit"),
        (pipeline_not_committed, "git commit"),
        (conflict, "git status"),
        (changed_by_nobody, "git config --global user.name"),
        (told_of_no_git, "dvc config --local --unset core.no_scm"),
    ],
)
def test_where_dvc_would_keep_nothing_no_stage_runs(
    origin: Path,
    ran: Path,
    state: Callable[[Path], Path],
    way_out: str,
) -> None:
    folder = state(origin)
    refused = run(["imdb-rnn", "experiment", "other"], folder)
    assert refused.returncode == 2, refused.stderr
    assert way_out in refused.stderr
    assert not ran.exists()


@pytest.mark.hostile
@pytest.mark.parametrize("name", ["two words", "-dashed", "end.lock", "../experiments/other"])
def test_a_name_that_dvc_refuses_is_refused_with_the_file(
    origin: Path, ran: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(clone(origin))
    with pytest.raises(UserError, match=rf"^experiments/{name}\.yaml: .*Rename"):
        run_experiment(name)
    assert not ran.exists()


@needs_root
@pytest.mark.fault
def test_a_clone_of_another_user_is_refused_where_git_is_needed(origin: Path, ran: Path) -> None:
    folder = clone(origin)
    give_away(folder)
    for command in (
        ["experiment", "other"],
        ["compare", "HEAD", "HEAD~1"],
        ["verify"],
    ):
        refused = imdb_rnn(folder, *command)
        assert refused.returncode == 2, refused.stderr
        assert "safe.directory" in refused.stderr
    assert not ran.exists()
    checked = run(["imdb-rnn", "check"], folder)
    assert checked.returncode == 0
    assert "safe.directory" in checked.stderr
    assert run(["dvc", "repro", "--force"], folder).returncode == 0
    assert ran.exists()


def test_results_of_other_code_get_no_seeds_beside_them(origin: Path, ran: Path) -> None:
    folder = clone(origin)
    (folder / "src/code.py").write_text("fail\n")
    refused = imdb_rnn(folder, "seeds")
    assert refused.returncode == 2
    assert "dvc repro" in refused.stderr
    assert not ran.exists()


@pytest.mark.fault
def test_a_result_that_dvc_loses_is_a_failure_and_costs_no_earlier_one(
    origin: Path,
    ran: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = shallow(origin)
    monkeypatch.chdir(folder)
    monkeypatch.setattr("imdb_rnn.experiments.named.require_experiments", lambda *_: None)
    commit = git(folder, "rev-parse", "HEAD").strip()
    earlier = f"refs/exps/{commit[:2]}/{commit[2:]}/other"
    git(folder, "update-ref", earlier, commit)
    assert run_experiment("other") == 1
    assert ran.exists()
    assert "dvc exp run" in capsys.readouterr().err
    assert git(folder, "rev-parse", earlier).strip() == commit


@pytest.mark.fault
def test_a_result_is_replaced_by_a_new_one_and_kept_if_the_new_run_fails(
    origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = changed_pipeline_and_index_of_another_version(origin)
    monkeypatch.chdir(folder)
    assert run_experiment("other") == 0
    first = kept_experiments()
    (folder / "experiments/other.yaml").write_text("seed: 8\n")
    assert run_experiment("other") == 0
    second = kept_experiments()
    assert first.keys() == second.keys() == {"other"}
    assert first != second
    (folder / "dvc.yaml").write_text(
        yaml.safe_dump({"stages": {"evaluate": STAGE | {"cmd": "false"}}})
    )
    assert run_experiment("other") != 0
    assert kept_experiments() == second


@pytest.mark.fault
def test_a_shallow_clone_says_where_older_revisions_are(origin: Path) -> None:
    refused = run(["imdb-rnn", "compare", "HEAD~1", "HEAD"], shallow(origin))
    assert refused.returncode == 2
    assert "git fetch --unshallow" in refused.stderr


@pytest.mark.fault
def test_an_unpacked_archive_is_refused_before_time_is_spent_or_runs_without_git(
    origin: Path, ran: Path
) -> None:
    folder = without_a_repository(origin)
    refused = run(["imdb-rnn", "check"], folder)
    assert refused.returncode == 2
    assert "git clone" in refused.stderr
    unknown = run(["imdb-rnn", "track"], folder)
    assert unknown.returncode == 2
    assert "not a git repository" in unknown.stderr
    way_out = "dvc config --local core.no_scm true"
    assert way_out in refused.stderr
    for command in (way_out.split(), ["imdb-rnn", "check"], ["dvc", "repro", "--force"]):
        done = run(command, folder)
        assert done.returncode == 0, done.stderr
    assert ran.exists()


@pytest.mark.fault
@pytest.mark.parametrize("state", [as_it_is, without_a_repository, below_the_top])
def test_setting_up_tells_dvc_of_an_unpacked_archive_alone(
    origin: Path, state: Callable[[Path], Path]
) -> None:
    folder = state(origin)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copyfile(ROOT / name, folder / name)
    programs = folder / ".venv/bin"
    programs.mkdir(parents=True)
    (programs / "python").write_text("#!/bin/sh\n")  # in place of pip and of what makes a page
    (programs / "python").chmod(0o755)
    (programs / "dvc").symlink_to(Path(sys.executable).parent / "dvc")
    made = run(["make", "setup", "PYTHON=true"], folder)
    assert made.returncode == 0, made.stderr
    told = run(["dvc", "config", "core.no_scm"], folder).stdout.strip()
    assert told == ("true" if state is without_a_repository else "")
