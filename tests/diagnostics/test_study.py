"""Which reviews the studies are given, and what is lowered or left out where they are short."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from imdb_rnn.data.token_store import write_store
from imdb_rnn.diagnostics.studies import impossible
from imdb_rnn.diagnostics.study import Material, gather
from imdb_rnn.diagnostics.summaries import told_apart
from imdb_rnn.errors import UserError
from studies import study_params

DATASET = {"vocabulary_size": 9, "classes": ["bad", "so-so", "good"]}


def gathered(
    folder: Path, lengths: Sequence[int], reviews: int = 2000, words: int = 120
) -> Material:
    """From training reviews of so many words each."""
    tokens = [np.full(length, 2 + length % 7, dtype=np.int32) for length in lengths]
    labels = [number % 3 for number in range(len(lengths))]
    for split in ("train", "valid"):
        write_store(folder / split, tokens, labels, list(map(str, labels)))
    params = study_params(reviews=reviews, words=words)
    return gather(params, folder, folder, {}, DATASET)


def test_reviews_that_suffice_are_taken_as_the_parameters_say(tmp_path: Path) -> None:
    material = gathered(tmp_path, [*range(1, 31)] * 10, reviews=40, words=20)
    assert len(material.learned) == 40
    assert set(material.full.lengths) == {20}
    assert 2 <= material.short.lengths.min() <= material.short.lengths.max() <= 10
    assert (material.params.diagnostics.reviews, material.params.diagnostics.words) == (40, 20)
    assert impossible(material) == {}


def test_of_few_reviews_half_are_learned_from(tmp_path: Path) -> None:
    material = gathered(tmp_path, [*range(1, 21)] * 2, words=10)
    assert len(material.learned) == 20
    assert material.params.diagnostics.reviews == 20
    assert len(material.full) > 0
    assert len(material.short) > 0


def test_of_short_reviews_so_many_words_are_read_as_a_tenth_have(tmp_path: Path) -> None:
    material = gathered(tmp_path, [5] * 80 + [12] * 19 + [90], reviews=1)
    words = material.params.diagnostics.words
    assert words == 12
    assert set(material.full.lengths) == {12}
    assert len(material.full) >= 0.1 * 99
    assert set(material.short.lengths) == {5}
    assert material.numbers()["words"] == 12


def test_a_network_has_an_output_for_each_class(tmp_path: Path) -> None:
    material = gathered(tmp_path, [6] * 9)
    assert material.classifier(material.params.model).classes == 3


@pytest.mark.parametrize(
    ("words", "left_out"),
    [
        (1, {"gradients", "initialization", "padding"}),
        (2, {"gradients", "initialization", "padding"}),
        (3, {"padding"}),
    ],
)
def test_what_equally_short_reviews_do_not_allow_is_left_out(
    tmp_path: Path, words: int, left_out: set[str]
) -> None:
    material = gathered(tmp_path, [words] * 30)
    assert set(impossible(material)) == left_out
    assert material.numbers()["measured_short"] == 0
    assert material.numbers()["median_words_of_short"] is None


def test_a_single_review_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train: 1 review"):
        gathered(tmp_path, [40])


@pytest.mark.parametrize("accuracy", [0, 0.5, 1])
def test_equal_accuracies_cannot_be_told_apart(accuracy: float) -> None:
    unlike = told_apart(0.2, 0.9, 1000)
    assert told_apart(accuracy, accuracy, 8) != unlike
