"""Linear n-gram models: what a recurrent network has to beat to be worth its cost.

Both are convex fits by solvers whose steps draw no random numbers, so they need no seed of the run.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import ClassifierTags, Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, check_non_negative, validate_data
from threadpoolctl import threadpool_limits

from imdb_rnn.config import LinearModel
from imdb_rnn.data.classes import is_binary
from imdb_rnn.data.typography import plain
from imdb_rnn.errors import UserError

# Exclamation and question marks carry sentiment ("good ?" is not "good !"), one-letter words too.
WORD_OR_PUNCTUATION: Final = r"\w+|[^\w\s]"


def tfidf_model(settings: LinearModel) -> Pipeline:
    """Logistic regression on sublinear tf-idf weights of lower-cased word n-grams.

    Maps texts to their classes, however many there are.
    """
    return make_pipeline(
        TfidfVectorizer(
            ngram_range=(1, settings.max_ngram),
            min_df=settings.min_df,
            preprocessor=_plain_lower_case,
            sublinear_tf=True,
            dtype=np.float32,
        ),
        LogisticRegression(C=settings.C, solver="lbfgs", max_iter=1000),
    )


def nb_model(settings: LinearModel, classes: int = 2) -> Pipeline:
    """Logistic regression on the presence of n-grams, weighted by naive Bayes.

    Wang & Manning 2012, "Baselines and Bigrams: Simple, Good Sentiment and Topic Classification",
    with logistic regression in place of the support vector machine. Of more than two classes, each
    is set against all others, and the probabilities are made to sum to one.
    """
    # lbfgs remembers twenty vectors as long as the vocabulary: a gigabyte for trigrams.
    # It is handed a seed that its primal solver has no use for; scikit-learn would draw one
    # from NumPy's global generator.
    weighting: tuple[BaseEstimator, ...] = (
        LogCountRatio(),
        LogisticRegression(C=settings.C, solver="liblinear", random_state=0),
    )
    if not is_binary(classes):
        weighting = (OneVsRestClassifier(make_pipeline(*weighting)),)
    return make_pipeline(
        CountVectorizer(
            ngram_range=(1, settings.max_ngram),
            min_df=settings.min_df,
            preprocessor=_plain_lower_case,
            token_pattern=WORD_OR_PUNCTUATION,
            binary=True,
            dtype=np.float32,
        ),
        *weighting,
    )


def _plain_lower_case(text: str) -> str:
    return plain(text).lower()


TEXTS_AT_ONCE: Final = 5000


def predict_probabilities(model: Pipeline, texts: Iterable[str]) -> npt.NDArray[np.float64]:
    """What a fitted model makes of texts, which are read a few thousand at a time.

    Returns:
        float64 [texts] of the second of two classes, or [texts, classes] of each of more.
    """
    pieces = [model.predict_proba(piece) for piece in _pieces(texts)]
    classes = len(model.classes_)
    found = np.concatenate([np.zeros((0, classes)), *pieces]).astype(np.float64)
    if is_binary(classes):
        return found[:, 1]
    shares: npt.NDArray[np.float64] = found / found.sum(axis=1, keepdims=True)  # from float32
    return shares


def _pieces(texts: Iterable[str]) -> Iterator[list[str]]:
    left = iter(texts)
    while piece := list(islice(left, TEXTS_AT_ONCE)):
        yield piece


def fit(
    model: Pipeline, texts: Iterable[str], labels: npt.NDArray[np.int8], section: str
) -> Pipeline:
    """Fit a model to texts and their classes, and return it.

    Args:
        model: From `tfidf_model` or `nb_model`.
        texts: Of the reviews, read once.
        labels: int8 [reviews].
        section: Of the parameters, `baseline.nb` say; a refusal names it.

    Raises:
        UserError: No n-gram occurs in as many texts as `min_df` asks for.
    """
    least = model[0].min_df
    if least > len(labels):
        raise UserError(
            f"{section}.min_df: {least} reviews are asked for, only {len(labels)} there. Lower it."
        )
    # One thread, because sums split among more would differ in their last digits.
    with threadpool_limits(1):
        try:
            return model.fit(texts, labels)
        except ValueError as error:
            if "no terms remain" not in str(error).lower():
                raise
            raise UserError(
                f"{section}.min_df: no n-gram occurs in {least} of {len(labels)} reviews. Lower it."
            ) from None


class LogCountRatio(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # sklearn is untyped
    """Scales each feature by how much more of it one class has than the other.

    With p and q the feature sums of the second and the first class, each plus one:
    `r = log((p / |p|_1) / (q / |q|_1))` (Wang & Manning 2012, equation 1 with alpha = 1).

    Attributes:
        classes_: The two labels in sorted order.
        log_ratio_: r, float [features]; positive where the second class has more.
    """

    def fit(self, X: sp.csr_array, y: npt.ArrayLike) -> Self:  # noqa: N803 - scikit-learn's name
        """Learn the ratios.

        Args:
            X: Counts or indicators, sparse or dense [reviews, features], none negative.
            y: Two different labels [reviews].

        Raises:
            ValueError: Something is negative or not finite, or y has not two classes.
        """
        X, y = validate_data(self, X, y, accept_sparse="csr")  # noqa: N806 - scikit-learn's name
        check_non_negative(X, "LogCountRatio")
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) != 2:  # noqa: PLR2004 - a ratio has two sides
            raise ValueError(f"LogCountRatio needs two classes, got {len(self.classes_)} class(es)")
        first, second = (_log_share(X[y == label]) for label in self.classes_)
        self.log_ratio_ = (second - first).astype(X.dtype)
        return self

    def transform(self, X: sp.csr_array) -> sp.csr_array:  # noqa: N803 - scikit-learn's name
        """Multiply each column of X [reviews, features] by its ratio; sparse input stays sparse."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", reset=False)  # noqa: N806 - see above
        if sp.issparse(X):
            return X.multiply(self.log_ratio_).tocsr()
        return X * self.log_ratio_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = True
        tags.target_tags.required = True
        tags.classifier_tags = ClassifierTags(multi_class=False)
        return tags


def _log_share(counts: sp.csr_array) -> npt.NDArray[np.float64]:
    """Log of each feature's share of the smoothed total, [reviews, features] -> [features]."""
    totals = 1.0 + np.asarray(counts.sum(axis=0, dtype=np.float64)).ravel()
    shares: npt.NDArray[np.float64] = np.log(totals / totals.sum())
    return shares
