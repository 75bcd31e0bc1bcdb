"""Drop-in recurrent layers for torch: `torch.nn`'s names, `glasscell`'s kernels.

``from glasscell.nn import LSTM`` in place of ``from torch.nn import LSTM`` is the whole change;
`convert` makes it inside a model that exists.

The way of one call: `layers` and `cells` take torch's arguments. `fast_path` runs those that need
no more than numbers. Of the rest `sequences` and `autocast` make rows of the engine, and `fallback`
says what the kernels do not take. A `Call` (`call`) is one run of one layer; `autograd` makes it a
node of the graph, of which `layer_forward` and `layer_backward` are the two passes, with weights
from `packed_weights`; `double_backward` and `torch_loop` are for derivatives of derivatives.
`operators` is for torch's tracers and transforms, which see a call as one operation.
`cell_layer` makes a layer of any cell, `heads` one of the sLSTM, with `masks` in training;
`variants` are LSTM, GRU and RNN with options, `starts` what new parameters hold. `linear` and
`time_pooling` are what comes after a recurrent layer, with the bits of a saved model.
`observe` and `records` let others look on, `team` shares torch's threads.
"""

from glasscell.nn.cell_layer import Recurrent
from glasscell.nn.cells import GRUCell, LSTMCell, RNNCell
from glasscell.nn.convert import convert, restore
from glasscell.nn.fallback import SlowPathWarning
from glasscell.nn.heads import sLSTM
from glasscell.nn.layers import GRU, LSTM, RNN
from glasscell.nn.linear import Linear
from glasscell.nn.observe import Observation, Observer, Record, observing
from glasscell.nn.operators import decompositions
from glasscell.nn.symbol_grams import Grams
from glasscell.nn.team import join_torch
from glasscell.nn.time_pooling import Pooling, Summary

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "GRUCell",
    "Grams",
    "LSTMCell",
    "Linear",
    "Observation",
    "Observer",
    "Pooling",
    "RNNCell",
    "Record",
    "Recurrent",
    "SlowPathWarning",
    "Summary",
    "convert",
    "decompositions",
    "observing",
    "restore",
    "sLSTM",
]

join_torch()
