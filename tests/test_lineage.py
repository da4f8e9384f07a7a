"""What a result came from."""

from pathlib import Path

from imdb_rnn.lineage import digest_files, fingerprint
from results import shipped_params

SPLITS = {"train": {"sha256": "a"}, "test": {"sha256": "b"}}


def test_the_fingerprint_follows_reviews_and_parameters_not_where_they_came_from() -> None:
    params = shipped_params()
    one = fingerprint(params, {"source": "here", "splits": SPLITS})
    assert fingerprint(params, {"source": "there", "splits": SPLITS}) == one
    assert fingerprint(params, {"splits": SPLITS | {"test": {"sha256": "c"}}}) != one
    assert fingerprint(params.model_copy(update={"seed": 2}), {"splits": SPLITS}) != one


def test_a_digest_follows_names_and_contents_not_the_order_or_the_folder(tmp_path: Path) -> None:
    digests = []
    for number, files in enumerate(
        [{"a": "1", "b": "2"}, {"b": "2", "a": "1"}, {"a": "12", "b": ""}]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_text(content)
        digests.append(digest_files(folder, folder.iterdir()))
    assert digests[0] == digests[1] != digests[2]
