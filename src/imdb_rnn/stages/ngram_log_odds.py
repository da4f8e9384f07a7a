"""Count how positive the frequent phrases of the training reviews are."""

from pathlib import Path

from imdb_rnn.config import Params
from imdb_rnn.console import console
from imdb_rnn.data.training_set import TrainingSet
from imdb_rnn.features.ngram_counts import count_phrases
from imdb_rnn.features.ngram_log_odds import save_phrases
from imdb_rnn.io.json_file import read_json
from imdb_rnn.stages import run_stage

PREPARED = Path("data/prepared")
PSEUDO_LABELS = Path("data/pseudo_labels.npy")
PHRASES = Path("models/phrases.safetensors")


def phrases(params: Params) -> None:
    """Read `data/prepared` and the pseudo-labels, write `models/phrases.safetensors`."""
    reviews = TrainingSet.open(PREPARED, PSEUDO_LABELS)
    table = count_phrases(
        reviews,
        read_json(PREPARED / "dataset.json")["vocabulary_size"],
        params.phrases.longest,
        params.phrases.min_reviews,
    )
    for length, number in enumerate(table.sizes, start=1):
        console.print(f"{number:,} phrases of {length} word{'s' if length > 1 else ''}")
    save_phrases(PHRASES, table)


if __name__ == "__main__":
    run_stage(phrases)
