"""The model that MLflow serves: what tables and requests are answered with."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
import torch
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PyFuncModel
from mlflow.pyfunc.scoring_server import invocations

from imdb_rnn.models.predictor import Predictor
from imdb_rnn.repository.dvc import PACKAGE
from imdb_rnn.tracking.filing import model_signature
from results import small_params, write_model

pytestmark = pytest.mark.slow
TEXTS = ["a great film", "xyzzy", "dull"]
CLASSES = ("bad", "so-so", "good")
Served = tuple[PyFuncModel, Predictor]


def serve(folder: Path, classes: tuple[str, ...]) -> Served:
    write_model(folder / "model", small_params(), classes=classes)
    mlflow.pyfunc.save_model(
        folder / "served",
        python_model=str(PACKAGE / "serving" / "pyfunc.py"),
        artifacts={"model": (folder / "model").as_uri()},
        signature=model_signature(classes),
        input_example=["great"],
        pip_requirements=["mlflow"],
    )
    return mlflow.pyfunc.load_model(str(folder / "served")), Predictor.load(folder / "model")


@pytest.fixture(scope="module")
def of_two(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return serve(tmp_path_factory.mktemp("two"), ("neg", "pos"))


@pytest.fixture(scope="module")
def of_three(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return serve(tmp_path_factory.mktemp("three"), CLASSES)


def predicted(model: PyFuncModel, texts: object, **params: object) -> pd.DataFrame:
    """What Python is answered with."""
    found = model.predict(texts, params=params)
    assert isinstance(found, pd.DataFrame)
    return found


def asked(model: PyFuncModel, **request: object) -> Any:
    """What a server answers to a request."""
    body = json.dumps(request)
    schema = model.metadata.get_input_schema()
    answer = invocations(body, "application/json", model, schema).response
    return json.loads(answer, parse_constant=pytest.fail)["predictions"]  # NaN is no JSON


def test_a_text_without_an_answer_is_null_and_costs_no_other_its_answer(of_two: Served) -> None:
    model, predictor = of_two
    first, last = predictor.probabilities([TEXTS[0], TEXTS[2]])
    found = asked(model, inputs=TEXTS)
    labels = ["pos" if p > 0.5 else "neg" for p in (first, last)]
    assert [answer["label"] for answer in found] == [labels[0], None, labels[1]]
    probabilities = [answer["probability"] for answer in found]
    assert probabilities == [pytest.approx(first), None, pytest.approx(last)]
    assert all(list(answer) == ["label", "probability"] for answer in found)


def test_of_three_classes_each_has_a_column(of_three: Served) -> None:
    model, predictor = of_three
    columns = ["label", "probability", *(f"probability_{name}" for name in CLASSES)]
    assert [column.name for column in model.metadata.get_output_schema()] == columns
    found = predicted(model, [TEXTS[0], TEXTS[2]])
    assert list(found) == columns
    expected = predictor.probabilities([TEXTS[0], TEXTS[2]])
    assert found[columns[2:]].to_numpy() == pytest.approx(expected, abs=1e-6)
    assert found["probability"].tolist() == found[columns[2:]].max(axis=1).tolist()
    assert found["label"].tolist() == [CLASSES[place] for place in expected.argmax(axis=1)]
    assert asked(model, inputs=["xyzzy"]) == [dict.fromkeys(columns)]


def test_missing_texts_are_null(of_two: Served) -> None:
    model, _ = of_two
    for texts in ([None, "great"], [float("nan"), "great"], [pd.NA, "great"]):
        table = pd.DataFrame({"review": texts}, index=[7, 3], dtype=object)
        found = predicted(model, table)
        assert list(found.index) == [7, 3]
        assert found["label"].isna().tolist() == [True, False]
    records = [{"review": None}, {"review": "great"}]
    assert [a["label"] is None for a in asked(model, dataframe_records=records)] == [True, False]


def test_a_request_may_be_refused_instead(of_two: Served) -> None:
    model, _ = of_two
    with pytest.raises(MlflowException, match="text 2: it has no word") as refused:
        predicted(model, TEXTS, errors="raise")
    assert refused.value.get_http_status_code() == 400
    assert len(predicted(model, TEXTS[:1], errors="raise")) == 1
    with pytest.raises(MlflowException, match='"null" or "raise"'):
        predicted(model, TEXTS, errors="ignore")


def test_many_texts_are_predicted_on_the_fast_path(
    of_two: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, predictor = of_two
    texts = [f"{'great ' * (n % 7)}dull film" for n in range(300)]
    slow = Predictor.predict_tokens
    at_once: list[int] = []

    def counted(self: Predictor, reviews: list[Any]) -> Any:
        at_once.append(len(reviews))
        return slow(self, reviews)

    expected = predictor.probabilities(texts)
    monkeypatch.setattr(Predictor, "predict_tokens", counted)
    assert predicted(model, texts)["probability"].to_numpy() == pytest.approx(expected, abs=2e-6)
    assert sum(at_once) < 100, "only the first texts go the way that is faster for few"


def test_requests_at_once_leave_the_threads_as_they_were(of_two: Served) -> None:
    model, _ = of_two
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(predicted, [model] * 8, [["great film"] * 100] * 8))
    assert torch.get_num_threads() == 3
    torch.set_num_threads(before)
    assert len({tuple(answer["probability"]) for answer in answers}) == 1
