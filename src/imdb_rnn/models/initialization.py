"""First weights of the classifier.

Each function is called while PyTorch's global generator is seeded for the model alone.
"""

from torch import nn

from imdb_rnn.features import EMBEDDING_SD
from imdb_rnn.models.cell import Cell


def keep_pytorch_defaults(classifier: nn.Module) -> None:
    """Leave what the modules drew themselves: N(0, 1) embeddings, uniform recurrent weights."""


def orthogonal(classifier: nn.Module) -> None:
    """Small embeddings, and cells that start with orthogonal recurrent matrices.

    An orthogonal matrix keeps the norm of whatever passes through it, so that at the first step
    gradients neither vanish nor explode through the recurrence (Saxe et al. 2014).
    """
    for module in classifier.modules():
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=EMBEDDING_SD)
        elif isinstance(module, Cell):
            module.start_orthogonal()


INITIALIZATION = {"pytorch": keep_pytorch_defaults, "orthogonal": orthogonal}
