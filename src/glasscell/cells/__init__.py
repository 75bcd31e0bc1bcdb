"""What a cell is: its step, its gates, their orders in memory, and each gate's own weight and bias.

A cell is a file: `lstm`, `rnn`, `gru`, each with its step as a paper has it (`definition`). The
step is run once on `symbols`, which gives a `program` of a few `operations`, its `derivative`, and
what it computes on arrays (`evaluate`).
`orders` is the one place that knows which block of a stacked array belongs to which gate;
`textbook` gives the weights of any layer as one matrix W and one bias b per gate.
"""

from glasscell.cells.catalogue import CELLS, of
from glasscell.cells.definition import Cell, Mask, described
from glasscell.cells.equations import Equation, equations, filled, latex
from glasscell.cells.evaluate import evaluate
from glasscell.cells.gru import GRU
from glasscell.cells.lstm import LSTM
from glasscell.cells.orders import (
    HIDDEN,
    KERAS,
    ONNX,
    TAPE,
    TORCH,
    join,
    order_of,
    permutation,
    reorder,
    rows,
    split,
)
from glasscell.cells.rnn import RNN
from glasscell.cells.slstm import SLSTM
from glasscell.cells.symbols import (
    absolute,
    exp,
    log_sigmoid,
    maximum,
    mean,
    minimum,
    normalise,
    relu,
    sigmoid,
    softplus,
    sqrt,
    tanh,
    where_positive,
)
from glasscell.cells.textbook import Textbook, layer_gates

__all__ = [
    "CELLS",
    "GRU",
    "HIDDEN",
    "KERAS",
    "LSTM",
    "ONNX",
    "RNN",
    "SLSTM",
    "TAPE",
    "TORCH",
    "Cell",
    "Equation",
    "Mask",
    "Textbook",
    "absolute",
    "described",
    "equations",
    "evaluate",
    "exp",
    "filled",
    "join",
    "latex",
    "layer_gates",
    "log_sigmoid",
    "maximum",
    "mean",
    "minimum",
    "normalise",
    "of",
    "order_of",
    "permutation",
    "relu",
    "reorder",
    "rows",
    "sigmoid",
    "softplus",
    "split",
    "sqrt",
    "tanh",
    "where_positive",
]
