"""The recurrent cells, one module and one class each.

To add a cell, put a subclass of `Cell` into a module of its own here. Its name in `model.cell` is
the module's name, which `config` reads from this folder without importing PyTorch.
"""

from importlib import import_module
from typing import Final

from imdb_rnn.config import CELL_NAMES
from imdb_rnn.models.cell import Cell


def _load(name: str) -> type[Cell]:
    """The one class of cell that a module of this folder defines."""
    module = import_module(f"{__name__}.{name}")
    defined = [value for value in vars(module).values() if isinstance(value, type)]
    cells = [value for value in defined if issubclass(value, Cell) and value is not Cell]
    if len(cells) != 1:
        raise TypeError(f"{module.__name__} has to define one subclass of Cell, not {len(cells)}")
    return cells[0]


CELLS: Final[dict[str, type[Cell]]] = {name: _load(name) for name in CELL_NAMES}
"""By the name in `model.cell`."""
