"""The cells that have a name of their own, which torch calls the mode of a recurrent layer."""

from __future__ import annotations

from collections.abc import Mapping

from glasscell.cells.definition import Cell
from glasscell.cells.gru import GRU
from glasscell.cells.lstm import LSTM
from glasscell.cells.rnn import RNN
from glasscell.errors import CellError

__all__ = ["CELLS", "mode_of", "of"]

CELLS: Mapping[str, Cell] = {
    "LSTM": LSTM(),
    "RNN_TANH": RNN("tanh"),
    "RNN_RELU": RNN("relu"),
    "GRU": GRU(),
}
"""torch's name of a recurrence ("mode") to the cell that it is."""


def of(mode: str | Cell) -> Cell:
    """Give the cell that a mode names; a cell is given back.

    Raises:
        CellError: There is no cell of that name.

    >>> of("GRU").gate_names
    ('reset', 'update', 'candidate')
    """
    if isinstance(mode, Cell):
        return mode
    if not isinstance(mode, str) or mode not in CELLS:
        raise CellError(f"expected a cell out of {', '.join(CELLS)}, got {mode!r}")
    return CELLS[mode]


def mode_of(cell: Cell) -> str | Cell:
    """Give torch's name of a cell, where it has one, else the cell.

    >>> mode_of(GRU()), mode_of(GRU(zoneout=0.1))
    ('GRU', GRU(zoneout=0.1))
    """
    return next((mode for mode, known in CELLS.items() if known == cell), cell)
