"""The LSTM, one function per gate: every value forward, and one line of the gradient per function.

Equations are numbered (1) to (7), those of the matrix product (A1) to (A5) stand in `affine`;
`lstm_gradient` has (8) to (16), `through_time` the rest. The memory cell (5) is a belt with one
multiplication and one addition on it; that is why (16) carries a gradient over a long lag when f_t
stays near 1.

Sources: S. Hochreiter and J. Schmidhuber, Long short-term memory, Neural Computation 9, 1997
(memory cell, input and output gate); F. Gers, J. Schmidhuber and F. Cummins, Learning to forget,
Neural Computation 12, 2000 (forget gate); H. Sak, A. Senior and F. Beaufays, Long short-term memory
based recurrent neural network architectures, 2014 (projection); A. Graves, Supervised sequence
labelling with recurrent neural networks, 2012 (the full gradient).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from glasscell import cells
from glasscell.arrays import Array
from glasscell.cells.parameters import LayerWeights
from glasscell.reference.affine import affine

__all__ = [
    "LSTMParameters",
    "LSTMStep",
    "candidate",
    "cell_state",
    "forget_gate",
    "hidden_state",
    "input_gate",
    "lstm_step",
    "output_gate",
    "parameters",
    "sigmoid",
]


class LSTMParameters(NamedTuple):
    """Weights in the textbook form: W (H, P+I) and b (H,) or None of each gate; W_hr (P, H)."""

    W_f: Array
    W_i: Array
    W_C: Array
    W_o: Array
    b_f: Array | None
    b_i: Array | None
    b_C: Array | None  # noqa: N815 (the textbook writes b_C)
    b_o: Array | None
    W_hr: Array | None


class LSTMStep(NamedTuple):
    """Every value of one step: i, f, g, o and c (B, H), h (B, P)."""

    i: Array
    f: Array
    g: Array
    o: Array
    c: Array
    h: Array


def parameters(weights: LayerWeights) -> LSTMParameters:
    """Read the textbook form of a layer's weights."""
    book = cells.Textbook(weights)
    matrices = book.W_f, book.W_i, book.W_C, book.W_o
    return LSTMParameters(*matrices, book.b_f, book.b_i, book.b_C, book.b_o, weights.weight_hr)


def sigmoid(a: Array) -> Array:
    """Compute σ(a) = 1 / (1 + e^{-a}), from the side on which the exponential cannot overflow.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    e = np.exp(-np.abs(a))
    result: Array = np.where(a < 0, e, 1) / (1 + e)
    return result


def forget_gate(W_f: Array, b_f: Array | None, h_prev: Array, x: Array) -> Array:
    """Compute how much of the old cell state stays: ``(1)  f_t = σ(W_f [h_{t-1}, x_t] + b_f)``."""
    return sigmoid(affine(W_f, b_f, h_prev, x))


def input_gate(W_i: Array, b_i: Array | None, h_prev: Array, x: Array) -> Array:
    """Compute how much of the candidate enters: ``(2)  i_t = σ(W_i [h_{t-1}, x_t] + b_i)``."""
    return sigmoid(affine(W_i, b_i, h_prev, x))


def candidate(W_C: Array, b_C: Array | None, h_prev: Array, x: Array) -> Array:
    """Compute what could enter the cell: ``(3)  C̃_t = g_t = tanh(W_C [h_{t-1}, x_t] + b_C)``."""
    g: Array = np.tanh(affine(W_C, b_C, h_prev, x))
    return g


def output_gate(W_o: Array, b_o: Array | None, h_prev: Array, x: Array) -> Array:
    """Compute how much of the cell is shown: ``(4)  o_t = σ(W_o [h_{t-1}, x_t] + b_o)``."""
    return sigmoid(affine(W_o, b_o, h_prev, x))


def cell_state(f: Array, c_prev: Array, i: Array, g: Array) -> Array:
    """Update the memory cell: ``(5)  C_t = f_t * C_{t-1} + i_t * C̃_t``.

    >>> cell_state(np.array([0.5]), np.array([4.0]), np.array([0.25]), np.array([1.0]))
    array([2.25])
    """
    c: Array = f * c_prev + i * g
    return c


def hidden_state(o: Array, c: Array, W_hr: Array | None = None) -> Array:
    """Compute what the layer shows of its cell.

    ::

        (6)  m_t = o_t * tanh(C_t)
        (7)  h_t = m_t                      or W_hr m_t with a projection
    """
    m: Array = o * np.tanh(c)
    return m if W_hr is None else m @ W_hr.T


def lstm_step(p: LSTMParameters, x: Array, h_prev: Array, c_prev: Array) -> LSTMStep:
    """Compute one step of an LSTM, equations (1) to (7).

    Args:
        p: weights in the textbook form.
        x: (B, I).
        h_prev: (B, P).
        c_prev: (B, H).

    Returns:
        Every value of the step.
    """
    f = forget_gate(p.W_f, p.b_f, h_prev, x)
    i = input_gate(p.W_i, p.b_i, h_prev, x)
    g = candidate(p.W_C, p.b_C, h_prev, x)
    o = output_gate(p.W_o, p.b_o, h_prev, x)
    c = cell_state(f, c_prev, i, g)
    h = hidden_state(o, c, p.W_hr)
    return LSTMStep(i, f, g, o, c, h)
