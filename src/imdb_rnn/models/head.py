"""From the classifier's logits to its loss, its probabilities and its answers.

Two classes have one logit, the log odds of the second; more have one each (`data.classes`).
"""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy


def loss(
    logits: torch.Tensor, targets: torch.Tensor, reduction: Literal["mean", "sum"] = "mean"
) -> torch.Tensor:
    """Cross-entropy in nats, over the reviews.

    Args:
        logits: Float [reviews] or [reviews, classes].
        targets: Probabilities of the same shape.
        reduction: What to make of the losses of the reviews.
    """
    kind = binary_cross_entropy_with_logits if logits.ndim == 1 else cross_entropy
    return kind(logits, targets, reduction=reduction)


def is_right(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Whether the likeliest class is that of the target: bool [reviews].

    Args:
        logits: Float [reviews] or [reviews, classes].
        targets: Probabilities of the same shape.
    """
    if logits.ndim == 1:
        return (logits > 0) == (targets > 0.5)  # noqa: PLR2004 - even odds
    return logits.argmax(-1) == targets.argmax(-1)


def probabilities(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """What logits mean.

    Args:
        logits: float32 [reviews] or [reviews, classes].

    Returns:
        float32 of the same shape: of the second class of two, or of each class.
    """
    given = torch.from_numpy(logits)
    shares = given.sigmoid() if given.ndim == 1 else given.softmax(-1)
    found: NDArray[np.float32] = shares.numpy()
    return found
