import numpy as np
import pyarrow as pa

from imdb_rnn.data.reviews import SCHEMA
from imdb_rnn.evaluation.predictions import Predictions
from imdb_rnn.report.mistakes import clearest_mistakes

REVIEWS = pa.table(
    {
        "id": [f"test/{i}" for i in range(6)],
        "text": [f"text {i}<br />end" for i in range(6)],
        "label": [0, 0, 0, 1, 1, 1],
        "rating": [1, 4, None, 7, 8, 9],
        "movie": [None] * 6,
    },
    schema=SCHEMA,
)


def _predictions(*probabilities: float) -> Predictions:
    return Predictions(
        REVIEWS["id"].to_pylist(), REVIEWS["label"].to_numpy(), np.array(probabilities, np.float64)
    )


def test_the_surest_mistakes_of_each_class_come_first() -> None:
    predictions = _predictions(0.6, 0.9, 0.1, 0.2, 0.9, 0.1)
    mistakes = clearest_mistakes(predictions, REVIEWS, each=5)
    assert [mistake.id for mistake in mistakes] == ["test/1", "test/0", "test/5", "test/3"]
    first = mistakes[0]
    assert first[:5] == ("test/1", "negative", "positive", 0.9, 4)
    assert first.text == "text 1\nend"


def test_no_more_than_asked_for_of_each_class() -> None:
    mistakes = clearest_mistakes(_predictions(0.6, 0.9, 0.8, 0.2, 0.3, 0.1), REVIEWS, each=1)
    assert [mistake.id for mistake in mistakes] == ["test/1", "test/5"]


def test_a_faultless_model_makes_none() -> None:
    assert clearest_mistakes(_predictions(0.1, 0.1, 0.1, 0.9, 0.9, 0.9), REVIEWS, each=5) == []


def test_of_three_classes_the_surest_wrong_answer_of_each_comes_first() -> None:
    labels = np.array([0, 0, 1, 1, 2, 2], np.int8)
    probability = np.array(
        [
            [0.3, 0.4, 0.3],
            [0.1, 0.1, 0.8],
            [0.1, 0.8, 0.1],
            [0.6, 0.3, 0.1],
            [0.0, 0.0, 1.0],
            [0.2, 0.2, 0.6],
        ]
    )
    ids = REVIEWS["id"].to_pylist()
    reviews = REVIEWS.set_column(2, SCHEMA.field("label"), pa.array(labels))
    predictions = Predictions(ids, labels, probability, ("bad", "so so", "good"))
    mistakes = clearest_mistakes(predictions, reviews, each=5)
    assert [mistake.id for mistake in mistakes] == ["test/1", "test/0", "test/3"]
    assert mistakes[0][:4] == ("test/1", "bad", "good", 0.8)
