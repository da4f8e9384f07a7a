"""What the project asks of a recurrent cell."""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import torch
from torch import nn

from imdb_rnn.errors import UserError


class OnnxForm(NamedTuple):
    """A cell as one direction of an ONNX operator, with gates in ONNX's order."""

    operator: str
    weight_ih: torch.Tensor
    """W [gates * hidden_size, input_size]."""
    weight_hh: torch.Tensor
    """R [gates * hidden_size, hidden_size]."""
    bias: torch.Tensor
    """B [2 * gates * hidden_size], of the inputs and then of the states."""
    attributes: Mapping[str, Any] = {}
    """Of the operator as a whole."""
    by_direction: Mapping[str, Any] = {}
    """Attributes that are lists, with the values for each direction behind each other."""


class Cell(nn.Module):
    """One recurrent cell in one layer and one direction.

    It is made from the number of input features and the configuration of the model. It is called
    with inputs, float [time, batch, input_size], and the state that the reading starts from (None
    for zero). It returns the states, float [time, batch, hidden_size], and the last state in the
    form in which it is given back to go on.
    """

    hidden_size: int
    takes_lookups: ClassVar[bool] = False
    """Whether it can be called with a `Lookup` in training on a CPU."""

    @torch.no_grad()
    def start_orthogonal(self) -> None:
        """Draw orthogonal recurrent matrices and Xavier input matrices, gate by gate; no biases."""
        for name, weight in self.named_parameters():
            gates = weight.chunk(len(weight) // self.hidden_size)
            if name.startswith("weight_hh"):
                for gate in gates:
                    nn.init.orthogonal_(gate)
            elif name.startswith("weight_ih"):
                for gate in gates:
                    nn.init.xavier_uniform_(gate)
            elif name.startswith("bias"):
                nn.init.zeros_(weight)
            else:
                raise NotImplementedError(f"{type(self).__name__} has to say how {name} starts")

    def onnx(self) -> OnnxForm:
        """The cell for an export.

        Raises:
            UserError: ONNX has no such cell.
        """
        raise UserError(
            f"A classifier of {type(self).__name__} cells cannot be exported: ONNX has no operator "
            "for them. Train one of another model.cell."
        )


def onnx_form(
    cell: nn.RNNBase,
    operator: str,
    gates: list[int],
    attributes: Mapping[str, Any] | None = None,
    by_direction: Mapping[str, Any] | None = None,
) -> OnnxForm:
    """One of PyTorch's own cells as an ONNX operator.

    Args:
        cell: With weights of one layer and one direction.
        operator: Name of ONNX's operator.
        gates: Numbers of PyTorch's gates in ONNX's order.
        attributes: See `OnnxForm`.
        by_direction: See `OnnxForm`.
    """

    def ordered(name: str) -> torch.Tensor:
        blocks = cell.get_parameter(name).detach().chunk(len(gates))
        return torch.cat([blocks[gate] for gate in gates])

    return OnnxForm(
        operator,
        ordered("weight_ih_l0"),
        ordered("weight_hh_l0"),
        torch.cat([ordered("bias_ih_l0"), ordered("bias_hh_l0")]),
        attributes or {},
        by_direction or {},
    )
