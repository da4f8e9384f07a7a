"""The notebook's network and loop, in the plain style of such notebooks."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_model
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.words import WordIds

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


def dataset(tokens: NDArray[np.int64], labels: NDArray[np.int64]) -> TensorDataset:
    """Reviews [reviews, time] with their labels [reviews], 1 or 0."""
    return TensorDataset(torch.from_numpy(tokens), torch.from_numpy(labels.astype(np.float32)))


def optimizer_of(network: NotebookNetwork) -> torch.optim.Optimizer:
    """Adam as the notebook has it."""
    return torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)


def train_epoch(
    network: NotebookNetwork, optimizer: torch.optim.Optimizer, batches: DataLoader[Any]
) -> Iterator[float]:
    """Descend the binary cross-entropy batch by batch; the loss of each step, in nats."""
    criterion = nn.BCELoss()
    for tokens, labels in batches:
        optimizer.zero_grad()
        loss = criterion(network(tokens), labels)
        loss.backward()
        optimizer.step()
        yield loss.item()


class Notebook:
    """The notebook as a baseline.

    Args:
        seed: Of PyTorch's global generator, as notebooks do it.
        epochs: Passes over the reviews.
    """

    def __init__(self, seed: int, epochs: int = 5) -> None:
        self._epochs = epochs
        torch.manual_seed(seed)
        self._network = NotebookNetwork()

    def fit(
        self, texts: Sequence[str], labels: NDArray[np.int64], after_epoch: Callable[[], None]
    ) -> None:
        """Learn; see `Baseline`."""
        self._words = WordIds(texts, VOCABULARY_SIZE)
        tokens = self._words.rectangle(texts, WIDTH, "post")
        batches = DataLoader(dataset(tokens, labels), batch_size=BATCH_SIZE, shuffle=True)
        optimizer = optimizer_of(self._network)
        for _ in range(self._epochs):
            for _ in train_epoch(self._network, optimizer, batches):
                pass
            after_epoch()

    @torch.no_grad()
    def predict(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Probabilities; see `Baseline`."""
        tokens = torch.from_numpy(self._words.rectangle(texts, WIDTH, "post"))
        probabilities = torch.cat([self._network(batch) for batch in torch.split(tokens, 256)])
        return probabilities.double().numpy()

    def save(self, folder: Path) -> None:
        """Write weights and words; see `Baseline`."""
        save_model(self._network, str(folder / "model.safetensors"))
        (folder / "words.txt").write_text("\n".join(self._words.ids), encoding="utf-8")
