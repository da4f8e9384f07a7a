"""What is counted or fitted linearly: n-gram models, n-gram log odds, word vectors."""

from typing import Final

EMBEDDING_SD: Final = 0.1
"""Standard deviation of an embedding's numbers before training, drawn or counted."""
