"""Update rules and the course of the learning rate."""

import math
from collections.abc import Iterable

import torch
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from imdb_rnn.config import Train


def build_optimizer(weights: Iterable[torch.nn.Parameter], params: Train) -> Optimizer:
    """The update rule that the parameters name."""
    rate, decay = params.learning_rate, params.weight_decay
    if params.optimizer == "sgd":
        return SGD(weights, lr=rate, momentum=params.momentum, weight_decay=decay)
    adam = AdamW if params.optimizer == "adamw" else Adam
    return adam(weights, lr=rate, weight_decay=decay, fused=True)


def build_schedule(optimizer: Optimizer, params: Train, steps: int) -> LambdaLR:
    """The learning rate of each of `steps` steps: a linear warm-up, then the chosen course."""
    warmup_steps = params.warmup * steps

    def share_of_highest(step: int) -> float:
        if step < warmup_steps:
            return (step + 1) / (warmup_steps + 1)
        progress = (step - warmup_steps) / max(1.0, steps - warmup_steps)
        if params.schedule == "linear":
            return 1 - progress
        if params.schedule == "cosine":
            return (1 + math.cos(math.pi * progress)) / 2
        return 1.0

    return LambdaLR(optimizer, share_of_highest)
