"""What glasscell computes, in NumPy, one equation a line, in any precision.

Everything fast in glasscell is a claim about these functions. Read them in this order: `affine`
(the product in every gate), `plain_rnn`, `lstm_equations` (one step), `through_time` (all steps),
`gru_equations`, `by_program` (any cell, from its program), `sequence` (lengths, resets, direction),
`stacked` (layers, directions).
"""

from glasscell.reference.by_program import CellRun, run_cell, run_cell_backward
from glasscell.reference.gru_equations import GRURun, GRUStep, gru, gru_backward, gru_step
from glasscell.reference.lstm_equations import (
    LSTMParameters,
    LSTMStep,
    candidate,
    cell_state,
    forget_gate,
    hidden_state,
    input_gate,
    lstm_step,
    output_gate,
    parameters,
    sigmoid,
)
from glasscell.reference.plain_rnn import RNNRun, rnn, rnn_backward
from glasscell.reference.sequence import Gradients, Inputs
from glasscell.reference.stacked import (
    NetworkGradients,
    NetworkRun,
    backward,
    forward,
    run_layer,
    run_layer_backward,
)
from glasscell.reference.through_time import LSTMRun, lstm, lstm_backward

__all__ = [
    "CellRun",
    "GRURun",
    "GRUStep",
    "Gradients",
    "Inputs",
    "LSTMParameters",
    "LSTMRun",
    "LSTMStep",
    "NetworkGradients",
    "NetworkRun",
    "RNNRun",
    "backward",
    "candidate",
    "cell_state",
    "forget_gate",
    "forward",
    "gru",
    "gru_backward",
    "gru_step",
    "hidden_state",
    "input_gate",
    "lstm",
    "lstm_backward",
    "lstm_step",
    "output_gate",
    "parameters",
    "rnn",
    "rnn_backward",
    "run_cell",
    "run_cell_backward",
    "run_layer",
    "run_layer_backward",
    "sigmoid",
]
