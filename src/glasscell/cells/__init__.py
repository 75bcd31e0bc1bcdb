"""The gates of a layer: their names, their orders in memory, and each gate's own weight and bias.

`orders` is the one place that knows which block of a stacked array belongs to which gate;
`textbook` gives the weights of any layer as one matrix W and one bias b per gate.
"""

from glasscell.cells.orders import (
    HIDDEN,
    KERAS,
    ONNX,
    TAPE,
    TORCH,
    join,
    permutation,
    reorder,
    rows,
    split,
)
from glasscell.cells.textbook import Textbook, layer_gates

__all__ = [
    "HIDDEN",
    "KERAS",
    "ONNX",
    "TAPE",
    "TORCH",
    "Textbook",
    "join",
    "layer_gates",
    "permutation",
    "reorder",
    "rows",
    "split",
]
