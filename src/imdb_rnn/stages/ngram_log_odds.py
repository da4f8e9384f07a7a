"""Count how much each frequent n-gram of the training reviews speaks for each class."""

from pathlib import Path

from imdb_rnn.config import Params
from imdb_rnn.console import console
from imdb_rnn.data.training_set import TrainingSet
from imdb_rnn.features.ngram_counts import count_ngrams, least_reviews
from imdb_rnn.features.ngram_log_odds import save_ngrams
from imdb_rnn.io.json_file import read_json
from imdb_rnn.stages import run_stage

PREPARED = Path("data/prepared")
PSEUDO_LABELS = Path("data/pseudo_labels.npy")
NGRAM_LOG_ODDS = Path("models/ngram_log_odds.safetensors")


def ngram_log_odds(params: Params) -> None:
    """Read `data/prepared` and the pseudo-labels, write `models/ngram_log_odds.safetensors`."""
    dataset = read_json(PREPARED / "dataset.json")
    reviews = TrainingSet.open(PREPARED, PSEUDO_LABELS, len(dataset["classes"]))
    least = least_reviews(params.ngram_log_odds.min_df, len(reviews))
    table = count_ngrams(
        reviews, dataset["vocabulary_size"], params.ngram_log_odds.max_ngram, least
    )
    for length, number in enumerate(table.sizes, start=1):
        words = f"{length} word{'s' if length > 1 else ''}"
        console.print(f"{number:,} n-grams of {words} in at least {least} reviews")
    save_ngrams(NGRAM_LOG_ODDS, table)


if __name__ == "__main__":
    run_stage(ngram_log_odds)
