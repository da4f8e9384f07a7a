"""Which kernels the libraries take, asked in processes of their own, since they choose once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from imdb_rnn.runtime import instruction_set
from imdb_rnn.runtime.instruction_set import AVX2, PROCESSOR, choose_instruction_set

needs_avx2 = pytest.mark.skipif(
    not PROCESSOR.exists() or " avx2 " not in PROCESSOR.read_text(encoding="utf-8"),
    reason="no processor with AVX2 under Linux",
)
KERNELS = """
import json
import {package}
import numpy, torch
from numpy._core._multiarray_umath import __cpu_features__ as features
from threadpoolctl import threadpool_info
chosen = [library["architecture"] for library in threadpool_info() if library["user_api"] == "blas"]
blas = sorted(set(chosen))  # NumPy's, and SciPy's where it is imported
print(json.dumps([torch.backends.cpu.get_cpu_capability(), blas, features["X86_V4"]]))
"""


def kernels(package: str, **environment: str) -> list[object]:
    """What PyTorch, OpenBLAS and NumPy chose after a package was imported."""
    clean = {name: value for name, value in os.environ.items() if name not in AVX2}
    done = subprocess.run(
        [sys.executable, "-c", KERNELS.format(package=package)],
        check=True,
        capture_output=True,
        env=clean | environment,
        text=True,
    )
    return list(json.loads(done.stdout))


@needs_avx2
@pytest.mark.parametrize("package", ["imdb_rnn", "imdb_rnn.stages.train", "imdb_rnn.cli"])
def test_every_processor_runs_the_same_kernels(package: str) -> None:
    assert kernels(package) == ["AVX2", ["Haswell"], False]


@needs_avx2
def test_what_the_user_chooses_stays() -> None:
    assert kernels("imdb_rnn", ATEN_CPU_CAPABILITY="default")[0] == "DEFAULT"


@needs_avx2
def test_what_numpy_is_told_to_do_by_the_user_stays() -> None:
    assert kernels("imdb_rnn", NPY_ENABLE_CPU_FEATURES="X86_V3")[0] == "AVX2"


@pytest.fixture
def processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Linux tells of the processor; the environment says nothing of instructions."""
    file = tmp_path / "cpuinfo"
    monkeypatch.setattr(instruction_set, "PROCESSOR", file)
    for variable in AVX2:
        monkeypatch.setenv(variable, "")  # else one that is missing would not be taken away again
        monkeypatch.delenv(variable)
    return file


def chosen() -> dict[str, str]:
    """What the environment says of instructions after the choice."""
    choose_instruction_set()
    return {name: value for name, value in os.environ.items() if name in AVX2}


def test_a_processor_with_avx2_is_told_to_use_no_more(
    processor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor.write_text("flags\t\t: fpu fma avx2 avx512f\n", encoding="utf-8")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Zen")
    assert chosen() == AVX2 | {"OPENBLAS_CORETYPE": "Zen"}


@pytest.mark.parametrize(
    "told", [b"flags\t\t: fpu sse2 avx\n", b"flags : avx2\n", b"Features : fp asimd\n", b"\xff"]
)
def test_a_processor_without_avx2_is_left_alone(told: bytes, processor: Path) -> None:
    processor.write_bytes(told)
    assert chosen() == {}


def test_a_system_that_tells_nothing_is_left_alone(processor: Path) -> None:
    assert not processor.exists()
    assert chosen() == {}
