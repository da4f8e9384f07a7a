"""Fit the recurrent classifier and keep its best epoch."""

import csv
import hashlib
import json
from dataclasses import asdict, fields
from pathlib import Path

import torch

from imdb_rnn.config import Params
from imdb_rnn.console import console
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.data.tokenizer import End, Tokenizer
from imdb_rnn.data.training_set import TrainingSet
from imdb_rnn.errors import UserError
from imdb_rnn.features.ngram_log_odds import NgramTable, load_ngrams
from imdb_rnn.io.array_file import read_array
from imdb_rnn.io.atomic import replacing
from imdb_rnn.io.json_file import read_json, write_json
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.saved_model import save_model
from imdb_rnn.models.summary import parameter_count, summary
from imdb_rnn.repository.dvc import code_digest, digest_files, main_checkout
from imdb_rnn.runtime.machine import prepare
from imdb_rnn.stages import run_stage
from imdb_rnn.tracking.live import training_run
from imdb_rnn.training.checkpoint import Checkpoint, exclusive
from imdb_rnn.training.linear_start import start_linear
from imdb_rnn.training.loop import Epoch, Trainer, fit

PREPARED = Path("data/prepared")
PSEUDO_LABELS = Path("data/pseudo_labels.npy")
NGRAM_LOG_ODDS = Path("models/ngram_log_odds.safetensors")
WORD_VECTORS = Path("models/word_vectors.npy")
MODEL = Path("models/rnn")
METRICS = Path("reports/train.json")
HISTORY = Path("reports/history.csv")


def train(params: Params) -> None:
    """Read what the stages before made, write `models/rnn`, `reports/train.json`, the history."""
    device = prepare(
        params.train.threads, params.train.device, flush_subnormal=True, primitive_cache=False
    )
    dataset = read_json(PREPARED / "dataset.json")
    tokenizer = _load_tokenizer(dataset["max_length"], dataset["truncation"])
    classes = dataset["classes"]
    reviews = TrainingSet.open(PREPARED, PSEUDO_LABELS, len(classes))
    valid = TokenStore.open(PREPARED / "valid")
    ngrams = _load_ngrams(dataset["vocabulary_size"], len(classes))
    classifier = _untrained(params, tokenizer.max_length, ngrams, reviews).to(device)
    console.print(summary(classifier))
    console.print(
        f"training on {len(reviews):,} reviews, on {device} with {torch.get_num_threads()} threads"
    )
    path = _checkpoint_path(params, device)
    with exclusive(path), training_run(params) as run:
        checkpoint = Checkpoint(path)
        trainer = Trainer(classifier, reviews, params.train, params.seed)
        history, best = fit(trainer, valid, run, checkpoint)
        (MODEL / "README.md").unlink(missing_ok=True)  # the card of the model before
        save_model(MODEL, classifier.cpu(), tokenizer, classes)
        _write_history(history)
        write_json(
            METRICS,
            {
                "variant": dataset["variant"],
                "best_epoch": best,
                "epochs": len(history),
                "valid_accuracy": round(history[best - 1].valid_accuracy, 6),
                "valid_loss": round(history[best - 1].valid_loss, 6),
                "parameters": parameter_count(classifier),
                "tokens": trainer.tokens(len(history)),
            },
        )
        checkpoint.discard()


def _load_tokenizer(max_length: int, truncation: End) -> Tokenizer:
    path = PREPARED / "tokenizer.json"
    try:
        return Tokenizer.load(path, max_length, truncation)
    except ValueError as error:
        raise UserError(
            f"{path}: this tokenizer cannot be used: {error}. "
            "`dvc repro --force prepare` makes it anew."
        ) from None


def _load_ngrams(vocabulary_size: int, classes: int) -> NgramTable:
    ngrams = load_ngrams(NGRAM_LOG_ODDS)
    if ngrams.sizes and ngrams.classes != classes:
        raise UserError(
            f"{NGRAM_LOG_ODDS}: log odds of {ngrams.classes} classes, the reviews have {classes}. "
            "`dvc repro --force ngram_log_odds` counts them anew."
        )
    if ngrams.vocabulary_size != vocabulary_size:
        raise UserError(
            f"{NGRAM_LOG_ODDS}: counted on a vocabulary of {ngrams.vocabulary_size:,} tokens, the "
            f"model has {vocabulary_size:,}. `dvc repro --force ngram_log_odds` counts them anew."
        )
    return ngrams


def _untrained(
    params: Params, max_length: int, ngrams: NgramTable, reviews: TrainingSet
) -> Classifier:
    """The classifier with which training starts, on the CPU."""
    classifier = Classifier(
        ngrams.vocabulary_size,
        max_length,
        params.model,
        params.seed,
        ngrams.sizes,
        classes=reviews.classes,
        ngram_skip=bool(ngrams.sizes) and not reviews.mostly_pseudo_labelled,
    )
    classifier.bptt_steps = params.train.bptt_steps
    _start_embedding(classifier)
    classifier.phrases.load_state_dict(ngrams.state_dict())
    if classifier.ngram_skip:
        start_linear(classifier, reviews)
    return classifier


def _checkpoint_path(params: Params, device: torch.device) -> Path:
    """The place of this very training's checkpoint, in the main checkout's `.cache`.

    Another parameter, input, code, library or device would train something else.
    """
    sections = params.model_dump(mode="json", include={"seed", "model", "train"})
    state = {
        "params": sections,
        "inputs": digest_files(Path(), _inputs()),
        "code": code_digest("train"),
        "torch": torch.__version__,
        "device": str(device),
    }
    name = hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()
    return main_checkout() / ".cache" / "train" / f"{name}.checkpoint"


def _inputs() -> list[Path]:
    stores = [PREPARED / name for name in ("train", "valid", "unsup")]
    arrays = [path for store in stores for path in store.iterdir()]
    return [*arrays, PREPARED / "dataset.json", PSEUDO_LABELS, NGRAM_LOG_ODDS, WORD_VECTORS]


def _start_embedding(classifier: Classifier) -> None:
    """Put the counted word vectors in place of the random ones, if there are any."""
    vectors = read_array(WORD_VECTORS, dimensions=2, made_by="word_vectors")
    if len(vectors) == 0:
        return
    weight = classifier.embedding.weight
    if vectors.shape != weight.shape:
        raise UserError(
            f"{WORD_VECTORS}: word vectors of shape {vectors.shape}, the model needs "
            f"{tuple(weight.shape)}. `dvc repro word_vectors` counts them anew."
        )
    weight.data.copy_(torch.from_numpy(vectors))


def _write_history(history: list[Epoch]) -> None:
    with (
        replacing(HISTORY) as unfinished,
        unfinished.open("w", encoding="utf-8", newline="") as file,
    ):
        table = csv.DictWriter(file, [field.name for field in fields(Epoch)], lineterminator="\n")
        table.writeheader()
        table.writerows(asdict(epoch) for epoch in history)


if __name__ == "__main__":
    run_stage(train)
