"""Drop-in recurrent layers for torch: `torch.nn`'s names, `glasscell`'s kernels.

``from glasscell.nn import LSTM`` in place of ``from torch.nn import LSTM`` is the whole change;
`convert` makes it inside a model that exists. The way of one call: `modules` and `cells` take
torch's arguments (`arguments`, `ragged`, `autocast`, and `fallback` for what the kernels do not
take), `autograd` makes each layer a node of the graph, `kernels` and `packing` call the engine,
`slow` is the same layer as a loop of torch operations, `observe` lets others look on, `team`
shares torch's threads.
"""

from glasscell.nn.cells import LSTMCell, RNNCell
from glasscell.nn.convert import convert, restore
from glasscell.nn.fallback import SlowPathWarning
from glasscell.nn.linear import Linear
from glasscell.nn.modules import LSTM, RNN
from glasscell.nn.observe import Observation, Observer, Record, observing
from glasscell.nn.team import join_torch

__all__ = [
    "LSTM",
    "RNN",
    "LSTMCell",
    "Linear",
    "Observation",
    "Observer",
    "RNNCell",
    "Record",
    "SlowPathWarning",
    "convert",
    "observing",
    "restore",
]

join_torch()
