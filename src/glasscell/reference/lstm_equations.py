"""One step of the LSTM: one function per gate, then its gradient, one line per equation.

Equations are numbered (1) to (7) forward and (8) to (16) backward; those of the matrix product,
(A1) to (A5), stand in `affine`, the rest in `through_time`. The memory cell (5) is a belt with one
multiplication and one addition on it; that is why (16) carries a gradient over a long lag when f_t
stays near 1. d before a letter is the derivative of the loss: dc_t = dL/dC_t. da_f, da_i, da_g and
da_o belong to the sums before the activations of the gates, equation (A1).

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
    "StepGradient",
    "candidate",
    "cell_gradient",
    "cell_state",
    "forget_gate",
    "gate_gradients",
    "hidden_state",
    "input_gate",
    "lstm_step",
    "output_gate",
    "parameters",
    "projection_gradient",
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
        p: Weights in the textbook form.
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


class StepGradient(NamedTuple):
    """Gradients of the four sums before the activations by gate's name, and of C_{t-1}; (B, H)."""

    da: dict[str, Array]
    dc_prev: Array


def projection_gradient(dh: Array, s: LSTMStep, W_hr: Array | None) -> tuple[Array, Array | None]:
    """Carry the total gradient of h_t back through the projection, the reverse of (7).

    ::

        (8)  dm_t  = dh_t                            or W_hr^T dh_t with a projection
        (9)  dW_hr = Σ_batch dh_t m_t^T

    Returns:
        dm_t (B, H), and the part of dW_hr (P, H) that belongs to this step, None without.
    """
    if W_hr is None:
        return dh, None
    return dh @ W_hr, dh.T @ (s.o * np.tanh(s.c))


def cell_gradient(dm: Array, dc_next: Array, s: LSTMStep) -> Array:
    """Compute the total gradient of the cell state, what comes along the belt and what h_t adds.

    ::

        (10)  dc_t = dc_t from step t+1, see (16), + dm_t * o_t * (1 - tanh²(C_t))
    """
    tanh_c = np.tanh(s.c)
    dc: Array = dc_next + dm * s.o * (1 - tanh_c * tanh_c)
    return dc


def gate_gradients(dm: Array, dc: Array, s: LSTMStep, c_prev: Array) -> StepGradient:
    """Carry the gradients of m_t and C_t to the four gates and to the cell state before.

    ::

        (11)  do_t = dm_t * tanh(C_t)
        (12)  da_o = do_t * o_t * (1 - o_t)
        (13)  da_f = dc_t * C_{t-1} * f_t * (1 - f_t)
        (14)  da_i = dc_t * C̃_t * i_t * (1 - i_t)
        (15)  da_g = dc_t * i_t * (1 - C̃_t²)
        (16)  dc_{t-1} = dc_t * f_t
    """
    do = dm * np.tanh(s.c)
    da_o = do * s.o * (1 - s.o)
    da_f = dc * c_prev * s.f * (1 - s.f)
    da_i = dc * s.g * s.i * (1 - s.i)
    da_g = dc * s.i * (1 - s.g * s.g)
    dc_prev = dc * s.f
    return StepGradient({"input": da_i, "forget": da_f, "candidate": da_g, "output": da_o}, dc_prev)
