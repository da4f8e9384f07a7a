from example_results import TEST, example_results, stars_results, train_only_results
from imdb_rnn.report.model_card import model_card, weakest_slice


def test_the_card_holds_scores_slices_data_and_limits() -> None:
    card = model_card(example_results())
    for said in (
        "| accuracy | 0.9104 (95% interval 0.9068 to 0.9139) |",
        "occur in train | 0.9100 (95% interval 0.9064 to 0.9136) |",
        "| 400 or more | 9 | 0.6000 | 0.3000 to 0.9400 |",
        "variant `full`, from `data/external/aclImdb_v1.tar.gz`",
        "units in both directions, 4,016,257 parameters",
        "It sees 600 words",
    ):
        assert said in card
    assert "do not compare" not in card


def test_equal_results_make_equal_cards() -> None:
    assert model_card(example_results()) == model_card(example_results())


def test_a_few_reviews_do_not_make_the_weakest_slice() -> None:
    assert weakest_slice(TEST["slices"])["name"] == "4"


def test_the_smaller_edition_is_told_apart() -> None:
    card = model_card(train_only_results())
    assert "do not compare" in card
    assert "unsup" not in card


def test_the_card_of_three_classes_names_them_and_says_nothing_of_movies() -> None:
    card = model_card(stars_results())
    for said in (
        "2 \\<b\\>or\\</b\\> \\$3",
        "| macro F1 | 0.8000 |",
        "| mean absolute error | 0.3100 (95% interval 0.2900 to 0.3300) |",
        "-0.1000 (-0.1200 to -0.0800)",
        "of each of predictor.classes",
    ):
        assert said in card
    for unfit in ("<b>", "movie", "review", "positive", "occur in train"):
        assert unfit not in card.lower()
