"""A layer-by-layer overview of a network."""

from rich.table import Table
from torch import nn


def parameter_count(network: nn.Module) -> int:
    """Number of trained values."""
    return sum(weight.numel() for weight in network.parameters())


def summary(network: nn.Module) -> Table:
    """One row a layer that has weights: name, type and sizes, number of parameters."""
    table = Table(title="Model", title_justify="left")
    table.add_column("layer")
    table.add_column("kind")
    table.add_column("parameters", justify="right")
    for name, module in network.named_modules():
        count = sum(weight.numel() for weight in module.parameters(recurse=False))
        if count:
            table.add_row(name, str(module), f"{count:,}")
    table.add_section()
    table.add_row("all", "", f"{parameter_count(network):,}")
    return table
