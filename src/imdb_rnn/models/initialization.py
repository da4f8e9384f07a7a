"""First weights of the classifier.

Each function is called while PyTorch's global generator is seeded for the model alone.
"""

import torch
from torch import nn

from imdb_rnn.features import EMBEDDING_SD


def keep_pytorch_defaults(classifier: nn.Module) -> None:
    """Leave what the modules drew themselves: N(0, 1) embeddings, uniform recurrent weights."""


def orthogonal(classifier: nn.Module) -> None:
    """Small embeddings, orthogonal recurrent matrices, LSTM forget gates open.

    An orthogonal matrix keeps the norm of whatever passes through it, so that at the first step
    gradients neither vanish nor explode through the recurrence (Saxe et al. 2014). A forget bias
    of 1 lets the LSTM remember by default (Jozefowicz et al. 2015).
    """
    for module in classifier.modules():
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=EMBEDDING_SD)
        elif isinstance(module, nn.RNNBase):
            _orthogonal_recurrence(module)


@torch.no_grad()
def _orthogonal_recurrence(cell: nn.RNNBase) -> None:
    for name, weight in cell.named_parameters():
        gates = weight.chunk(len(weight) // cell.hidden_size)
        if name.startswith("weight_hh"):
            for gate in gates:
                nn.init.orthogonal_(gate)
        elif name.startswith("weight_ih"):
            for gate in gates:
                nn.init.xavier_uniform_(gate)
        else:
            nn.init.zeros_(weight)
            if isinstance(cell, nn.LSTM) and name.startswith("bias_ih"):
                gates[1].fill_(1)  # PyTorch's order: input, forget, cell, output


INITIALIZATION = {"pytorch": keep_pytorch_defaults, "orthogonal": orthogonal}
