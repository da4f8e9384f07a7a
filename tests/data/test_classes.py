import numpy as np
import pytest

from imdb_rnn.data.classes import (
    SENTIMENT,
    class_metadata,
    classes_in,
    likeliest,
    of_each_class,
    targets_of,
    whole_numbers,
)

LABELS = np.array([1, 0, 1], dtype=np.int8)


@pytest.mark.parametrize("classes", [2, 3])
def test_targets_are_certain_about_the_label(classes: int) -> None:
    targets = targets_of(LABELS, classes)
    assert targets.shape == ((3,) if classes == 2 else (3, classes))
    np.testing.assert_array_equal(likeliest(targets), LABELS)
    np.testing.assert_array_equal(of_each_class(targets).sum(axis=1), 1)


def test_of_even_classes_the_first_is_the_answer() -> None:
    np.testing.assert_array_equal(likeliest(np.array([0.5, 0.6])), [0, 1])
    np.testing.assert_array_equal(likeliest(np.array([[0.4, 0.4, 0.2], [0.2, 0.4, 0.4]])), [0, 1])


@pytest.mark.parametrize("classes", [SENTIMENT, ("neg", "neutral", "pos"), ("a,b", '"', "ü")])
def test_a_table_carries_the_names_of_its_classes(classes: tuple[str, ...]) -> None:
    metadata = {name.encode(): text.encode() for name, text in class_metadata(classes).items()}
    assert classes_in(metadata) == classes
    assert classes_in(None) == SENTIMENT


@pytest.mark.parametrize(
    ("classes", "numbers"),
    [
        (["1", "-2", "+3"], [1, -2, 3]),
        ([str(10**19), "0"], [10**19, 0]),
        (["1", "1.5"], None),
        (["1", "good"], None),
        (["1" * 5000], None),
    ],
)
def test_classes_that_count_are_known(classes: list[str], numbers: list[int] | None) -> None:
    assert whole_numbers(classes) == numbers
