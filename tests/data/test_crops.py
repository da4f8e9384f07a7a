import numpy as np

from imdb_rnn.data.crops import LONGEST, SHARE, SHORTEST, random_crops, whole

LENGTHS = np.random.default_rng(0).integers(1, 300, 2000)


def test_a_crop_lies_within_its_review() -> None:
    begins, lengths = random_crops(LENGTHS, seed=1, epoch=3)
    assert begins.min() >= 0
    assert lengths.min() >= 1
    assert (begins + lengths <= LENGTHS).all()


def test_most_long_reviews_are_cropped_anywhere_and_short_ones_are_whole() -> None:
    begins, lengths = random_crops(LENGTHS, seed=1, epoch=3)
    is_cropped = lengths < LENGTHS
    assert abs(is_cropped[LENGTHS > LONGEST].mean() - SHARE) < 0.05
    assert not is_cropped[LENGTHS <= SHORTEST].any()
    assert lengths[is_cropped].min() >= SHORTEST
    assert lengths[is_cropped].max() <= LONGEST
    place = begins[is_cropped] / (LENGTHS - lengths)[is_cropped]
    assert np.histogram(place, 4, (0, 1))[0].min() > is_cropped.sum() / 6


def test_crops_follow_from_seed_and_epoch() -> None:
    first = random_crops(LENGTHS, seed=1, epoch=3)
    assert all(map(np.array_equal, first, random_crops(LENGTHS, seed=1, epoch=3)))
    for other in (random_crops(LENGTHS, seed=1, epoch=4), random_crops(LENGTHS, seed=2, epoch=3)):
        assert not np.array_equal(first.begins, other.begins)


def test_a_whole_review_is_all_of_it() -> None:
    begins, lengths = whole(LENGTHS)
    assert not begins.any()
    assert np.array_equal(lengths, LENGTHS)
