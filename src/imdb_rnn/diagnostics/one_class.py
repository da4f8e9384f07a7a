"""One class of many against the others, so that a verdict is again one number: its log odds."""

from copy import deepcopy

import torch
from torch import nn

from imdb_rnn.models.classifier import Classifier


def against_others(classifier: Classifier, label: int) -> Classifier:
    """A classifier of two classes, whose second is one class and whose first is all others.

    Args:
        classifier: Of more than two classes; left as it is.
        label: Of the class.
    """
    binary = deepcopy(classifier)
    binary.output = _AgainstOthers(classifier.output, label)
    binary.classes = 2
    return binary.eval()


class _AgainstOthers(nn.Linear):
    """From pooled states to the log odds of a class, [batch, 1]."""

    def __init__(self, output: nn.Linear, label: int) -> None:
        super().__init__(output.in_features, output.out_features)
        self.load_state_dict(output.state_dict())
        self.label = label
        self.out_features = 1

    def forward(self, pooled: torch.Tensor) -> torch.Tensor:
        logits = super().forward(pooled)
        others = torch.cat([logits[..., : self.label], logits[..., self.label + 1 :]], dim=-1)
        one = logits[..., self.label : self.label + 1]
        return one - others.logsumexp(-1, keepdim=True)
