from collections.abc import Callable

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.pipeline import Pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from imdb_rnn.config import LinearModel
from imdb_rnn.errors import UserError
from imdb_rnn.features.ngram_models import (
    LogCountRatio,
    fit,
    nb_model,
    predict_probabilities,
    tfidf_model,
)

PRAISE = ["a wonderful film , great fun !", "great acting and a wonderful story", "great , great !"]
BLAME = ["an awful film , no fun ?", "awful acting and a dull story", "dull , dull ?"]
LABELS = np.array([1, 1, 1, 0, 0, 0])


def settings(max_ngram: int) -> LinearModel:
    return LinearModel(max_ngram=max_ngram, min_df=1, C=1.0)


@parametrize_with_checks([LogCountRatio()])
def test_log_count_ratio_keeps_the_conventions_of_scikit_learn(
    estimator: LogCountRatio, check: Callable[[LogCountRatio], None]
) -> None:
    check(estimator)


def test_log_count_ratio_agrees_with_a_hand_computed_example() -> None:
    counts = sp.csr_array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    weighted = LogCountRatio().fit_transform(counts, [1, 1, 0])
    # p = 1 + (2, 1, 0), q = 1 + (0, 1, 1): shares (3, 2, 1) / 6 and (1, 2, 2) / 5.
    ratio = np.log([(3 / 6) / (1 / 5), (2 / 6) / (2 / 5), (1 / 6) / (2 / 5)])
    assert sp.issparse(weighted)
    np.testing.assert_allclose(weighted.toarray(), counts.toarray() * ratio)


def test_log_count_ratio_refuses_other_than_two_classes() -> None:
    with pytest.raises(ValueError, match="two classes"):
        LogCountRatio().fit(np.eye(3), [0, 1, 2])


@pytest.mark.parametrize("build", [tfidf_model, nb_model])
def test_models_learn_words_and_repeat_themselves_exactly(
    build: Callable[[LinearModel], Pipeline],
) -> None:
    probability = build(settings(2)).fit(PRAISE + BLAME, LABELS).predict_proba(PRAISE + BLAME)
    again = build(settings(2)).fit(PRAISE + BLAME, LABELS).predict_proba(PRAISE + BLAME)
    np.testing.assert_array_equal(probability[:, 1] > 0.5, LABELS == 1)
    np.testing.assert_array_equal(probability, again)


@pytest.mark.parametrize("model", [tfidf_model(settings(2)), nb_model(settings(2), 3)])
def test_models_learn_any_number_of_classes(model: Pipeline) -> None:
    texts = [*PRAISE, *BLAME, *["it rained on friday", "on friday it rained", "rained"]]
    labels = np.repeat(np.array([0, 2, 1], dtype=np.int8), 3)
    found = predict_probabilities(fit(model, iter(texts), labels, "baseline.nb"), iter(texts))
    assert found.shape == (9, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_array_equal(found.argmax(axis=1), labels)


def test_probabilities_of_many_texts_are_those_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fit(nb_model(settings(2)), PRAISE + BLAME, LABELS, "baseline.nb")
    whole = predict_probabilities(model, PRAISE + BLAME)
    monkeypatch.setattr("imdb_rnn.features.ngram_models.TEXTS_AT_ONCE", 2)
    np.testing.assert_array_equal(whole, predict_probabilities(model, iter(PRAISE + BLAME)))
    np.testing.assert_array_equal(whole, model.predict_proba(PRAISE + BLAME)[:, 1])
    assert len(predict_probabilities(model, [])) == 0


def test_nb_model_hears_punctuation() -> None:
    model = nb_model(settings(1)).fit(PRAISE + BLAME, LABELS)
    exclaimed, asked = model.predict_proba(["film !", "film ?"])[:, 1]
    assert exclaimed > asked


def test_longer_ngrams_and_rare_ones_change_the_features() -> None:
    unigrams = nb_model(settings(1)).fit(PRAISE, [1, 1, 0])
    trigrams = nb_model(settings(3)).fit(PRAISE, [1, 1, 0])
    shared = nb_model(settings(3).model_copy(update={"min_df": 2})).fit(PRAISE, [1, 1, 0])
    features = [model[-1].n_features_in_ for model in (unigrams, trigrams, shared)]
    assert features[0] < features[1]
    assert features[2] < features[1]


@pytest.mark.parametrize("build", [tfidf_model, nb_model])
@pytest.mark.parametrize("min_df", [4, 7])
def test_more_reviews_asked_for_than_there_are_is_refused(
    build: Callable[[LinearModel], Pipeline], min_df: int
) -> None:
    model = build(settings(1).model_copy(update={"min_df": min_df}))
    texts = [f"word{i}" for i in range(6)]
    with pytest.raises(UserError, match=r"^baseline\.nb\.min_df: .*Lower it"):
        fit(model, texts, LABELS, "baseline.nb")
