"""The notebook's network and loop, in the plain style of such notebooks."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_model
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.words import PADDING, WordIds

VOCABULARY_SIZE = 10_000
WIDTH = 200
BATCH_SIZE = 32
LEARNING_RATE = 1e-3


class NotebookNetwork(nn.Module):
    """Embedding, plain recurrent layer, last state, sigmoid; padding counts as words."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY_SIZE, 128)
        self.rnn = nn.RNN(128, 128, batch_first=True)
        self.fc = nn.Linear(128, 1)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Probability of positive, [batch], from tokens [batch, time]."""
        _, hidden = self.rnn(self.embedding(tokens))
        return torch.sigmoid(self.fc(hidden[-1])).squeeze(-1)


class NotebookTraining:
    """Adam on the binary cross-entropy, batch by batch.

    Args:
        network: Changed in place.
        tokens: int64 [reviews, time].
        labels: [reviews], 1 or 0.
    """

    def __init__(
        self, network: NotebookNetwork, tokens: NDArray[np.int64], labels: NDArray[np.int64]
    ) -> None:
        self._network = network
        self._reviews = TensorDataset(
            torch.from_numpy(tokens), torch.from_numpy(labels.astype(np.float32))
        )
        self._optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
        self._criterion = nn.BCELoss()

    def steps(self, batches: Iterable[list[int]] | None = None) -> Iterator[float]:
        """Take the steps of an epoch; the loss of each, in nats.

        Args:
            batches: Indices of the reviews of each; None shuffles.
        """
        if batches is None:
            loader = DataLoader(self._reviews, batch_size=BATCH_SIZE, shuffle=True)
        else:
            loader = DataLoader(self._reviews, batch_sampler=batches)
        for tokens, labels in loader:
            self._optimizer.zero_grad()
            loss = self._criterion(self._network(tokens), labels)
            loss.backward()
            self._optimizer.step()
            yield loss.item()


class Notebook:
    """The notebook as a contestant.

    Args:
        epochs: Passes over the reviews.
        seed: Of PyTorch's global generator, as notebooks do it.
    """

    def __init__(self, epochs: int, seed: int) -> None:
        self.settings: dict[str, Any] = {
            "vocabulary_size": VOCABULARY_SIZE,
            "width": WIDTH,
            "padding": "post",
            "batch_size": BATCH_SIZE,
            "learning_rate": LEARNING_RATE,
            "epochs": epochs,
            "seed": seed,
        }
        self._epochs = epochs
        torch.manual_seed(seed)
        self._network = NotebookNetwork()

    def fit(
        self, texts: Sequence[str], labels: NDArray[np.int64], after_epoch: Callable[[], None]
    ) -> None:
        """Learn; see `Contestant`."""
        self._words = WordIds(texts, VOCABULARY_SIZE)
        tokens = self._words.rectangle(texts, WIDTH, "post")
        training = NotebookTraining(self._network, tokens, labels)
        for _ in range(self._epochs):
            for _ in training.steps():
                pass
            after_epoch()

    def words_read(self, texts: Sequence[str]) -> int:
        """The last ones of each text, in each pass; see `Contestant`."""
        tokens = self._words.rectangle(texts, WIDTH, "post")
        return int((tokens != PADDING).sum()) * self._epochs

    @torch.no_grad()
    def predict(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Probabilities; see `Contestant`."""
        tokens = torch.from_numpy(self._words.rectangle(texts, WIDTH, "post"))
        probabilities = torch.cat([self._network(batch) for batch in torch.split(tokens, 256)])
        return probabilities.double().numpy()

    def save(self, folder: Path) -> None:
        """Write weights and words; see `Contestant`."""
        save_model(self._network, str(folder / "model.safetensors"))
        (folder / "words.txt").write_text("\n".join(self._words.ids), encoding="utf-8")
