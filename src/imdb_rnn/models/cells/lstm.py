"""The LSTM of Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000."""

import torch
from torch import nn

from imdb_rnn.config import Model
from imdb_rnn.models.cell import Cell, OnnxForm, onnx_form


class LSTM(nn.LSTM, Cell):
    """PyTorch's own."""

    def __init__(self, input_size: int, config: Model) -> None:
        super().__init__(input_size, config.hidden_size)

    @torch.no_grad()
    def start_orthogonal(self) -> None:
        """See `Cell`; the forget gate starts open, to remember (Jozefowicz et al. 2015)."""
        super().start_orthogonal()
        # PyTorch's order: input, forget, cell, output.
        self.get_parameter("bias_ih_l0").chunk(4)[1].fill_(1)

    def onnx(self) -> OnnxForm:
        """See `Cell`."""
        # ONNX's order: input, output, forget, cell.
        return onnx_form(self, "LSTM", [0, 3, 1, 2])
