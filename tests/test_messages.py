"""What other programs say is shown short and without secrets."""

import pytest

from imdb_rnn.messages import reason, shortened, without_secrets


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("no answer from https://ann:s3cret@runs.example.org/api", "runs.example.org/api"),
        ("https://s3cret@runs.example.org", "runs.example.org"),
        ("postgresql://ann:s3cret@db/mlflow and mysql://ann:s3cret@db/x", "db/mlflow"),
        ("https://ann:a/s3cret@runs.example.org/x", "runs.example.org/x"),
        ("https://ann:a@s3cret@runs.example.org/x", "runs.example.org/x"),
        (
            "url: /b/aclImdb.tar.gz?X-Amz-Date=1&X-Amz-Signature=s3cret (Caused by x)",
            "(Caused by x)",
        ),
        ("'https://host/a.tar.gz?sig=s3cret#part'", "https://host/a.tar.gz"),
        ("Invalid header value: 'Bearer s3cret\\n'", "Invalid header value"),
    ],
)
def test_secrets_are_left_out_and_nothing_else(text: str, kept: str) -> None:
    shown = without_secrets(text)
    assert "s3cret" not in shown
    assert kept in shown


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:5000/x@1",
        "sqlite:////home/ann/imdb-rnn/mlflow.db",
        "git@host:ann/reviews",
        "Is it there? a=b",
        "see https://sqlalche.me/e/21/e3q8",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_secrets(text) == text


@pytest.mark.parametrize("name", ["MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"])
def test_the_values_of_mlflows_own_variables_are_left_out(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "s3cret\n")
    assert without_secrets("denied for s3cret") == "denied for ***"


def test_a_long_text_is_cut_between_words() -> None:
    assert shortened("one  two\nthree", 9) == "one two …"
    assert shortened("one two", 9) == "one two"
    assert shortened("o" * 30, 9) == "oooooooo…"
    assert shortened("") == ""


def test_an_error_gives_its_first_line_or_its_name() -> None:
    assert reason(ValueError("\nhttps://a:s3cret@b failed\nmore")) == "https://***@b failed"
    assert reason(KeyError()) == "KeyError"
