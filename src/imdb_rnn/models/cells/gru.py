"""The gated recurrent unit of Cho et al. 2014, with the reset gate behind the matrix product."""

from torch import nn

from imdb_rnn.config import Model
from imdb_rnn.models.cell import Cell, OnnxForm, onnx_form


class GRU(nn.GRU, Cell):
    """PyTorch's own."""

    def __init__(self, input_size: int, config: Model) -> None:
        super().__init__(input_size, config.hidden_size)

    def onnx(self) -> OnnxForm:
        """See `Cell`."""
        # PyTorch's order: reset, update, new; ONNX's: update, reset, new.
        return onnx_form(self, "GRU", [1, 0, 2], {"linear_before_reset": 1})
