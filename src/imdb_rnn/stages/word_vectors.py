"""Count word vectors on the training and the unlabelled reviews."""

from pathlib import Path

import numpy as np

from imdb_rnn.config import Params
from imdb_rnn.console import console
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.features.word_vectors import word_vectors as count_word_vectors
from imdb_rnn.io.array_file import write_array
from imdb_rnn.io.json_file import read_json
from imdb_rnn.stages import run_stage

PREPARED = Path("data/prepared")
VECTORS = Path("models/word_vectors.npy")


def word_vectors(params: Params) -> None:
    """Read `data/prepared`, write `models/word_vectors.npy`; without a window it has no rows."""
    vectors = np.zeros((0, params.model.embedding_size), dtype=np.float32)
    if params.word_vectors.window:
        stores = [TokenStore.open(PREPARED / name) for name in ("train", "unsup")]
        console.print(f"counting neighbours in {sum(map(len, stores)):,} reviews")
        vectors = count_word_vectors(
            stores,
            read_json(PREPARED / "dataset.json")["vocabulary_size"],
            params.model.embedding_size,
            params.word_vectors.window,
            params.seed,
        )
    write_array(VECTORS, vectors)


if __name__ == "__main__":
    run_stage(word_vectors)
