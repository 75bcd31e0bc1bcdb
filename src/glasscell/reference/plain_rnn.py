"""The plain RNN: one hidden state, one matrix; forward and backward through time.

Equations are numbered (R1) to (R6), those of the matrix product (A1) to (A5) stand in `affine`. The
product of T Jacobians in (R3) and (R4) is what vanishes or explodes, and why the LSTM was made.

Sources: J. Elman, Finding structure in time, Cognitive Science 14, 1990 (the network);
P. Werbos, Backpropagation through time: what it does and how to do it, Proc. IEEE 78, 1990.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from glasscell import cells
from glasscell.arrays import Array
from glasscell.cells.parameters import LayerWeights
from glasscell.reference.affine import affine, affine_backward, torch_gradients
from glasscell.reference.sequence import Gradients, Inputs, gradient, pieces, prepare

__all__ = ["RNNRun", "activation_gradient", "hidden_state", "rnn", "rnn_backward"]

NONLINEARITIES = ("tanh", "relu")


class RNNRun(NamedTuple):
    """Every value of an RNN over a batch: h (T, B, H), zero after the end; h_n (B, H)."""

    h: Array
    h_n: Array
    nonlinearity: str
    inputs: Inputs


def hidden_state(
    W_h: Array, b_h: Array | None, h_prev: Array, x: Array, nonlinearity: str = "tanh"
) -> Array:
    """Compute the hidden state of one step.

    ::

        (R1)  h_t = tanh(W_h [h_{t-1}, x_t] + b_h)
        (R2)  h_t = max(0, W_h [h_{t-1}, x_t] + b_h)      with nonlinearity "relu"

    >>> W_h = np.array([[0.5, 2.0]])
    >>> hidden_state(W_h, np.array([-1.0]), np.array([[2.0]]), np.array([[3.0]]), "relu")
    array([[6.]])
    """
    a = affine(W_h, b_h, h_prev, x)
    h: Array = np.tanh(a) if nonlinearity == "tanh" else np.maximum(a, 0)
    return h


def activation_gradient(dh: Array, h: Array, nonlinearity: str = "tanh") -> Array:
    """Compute the gradient of the sum before the activation.

    ::

        (R4)  da_t = dh_t * (1 - h_t²)                    tanh
        (R5)  da_t = dh_t where h_t > 0, else 0           relu
    """
    return dh * (1 - h * h) if nonlinearity == "tanh" else dh * (h > 0)


def rnn(
    weights: LayerWeights,
    x: Array,
    h0: Array | None = None,
    *,
    nonlinearity: str = "tanh",
    reverse: bool = False,
    lengths: Any = None,
    reset: Any = None,
) -> RNNRun:
    """Run an RNN of one layer in one direction over a batch of sequences.

    Args:
        weights: Arrays of any one floating dtype, which is the precision of the result.
        x: (T, B, I).
        h0: (B, H), initial hidden state; default zeros.
        nonlinearity: "tanh", the default, or "relu".
        reverse: Read each piece from its last step; default False.
        lengths: (B,) integers from 0 to T, any order; default all T. After the end outputs are
            zero.
        reset: (T, B) bool, cut before step t: each piece starts from h0; default no cuts.

    Returns:
        Every hidden state, and the last one processed of each sequence.

    Raises:
        ShapeError, DtypeError: An input does not fit the weights.
        ValueError: Unknown nonlinearity.

    >>> weights = LayerWeights(weight_ih=np.array([[1.0]]), weight_hh=np.array([[2.0]]))
    >>> rnn(weights, np.ones((3, 1, 1)), nonlinearity="relu").h.ravel()
    array([1., 3., 7.])
    """
    if nonlinearity not in NONLINEARITIES:
        raise ValueError(f"expected nonlinearity out of {NONLINEARITIES}, got {nonlinearity!r}")
    inputs = prepare(weights, x, h0, None, reverse=reverse, lengths=lengths, reset=reset)
    book = cells.Textbook(weights)
    W_h, b_h = book.W_h, book.b_h
    h = np.zeros((*x.shape[:2], inputs.h0.shape[1]), x.dtype)
    h_n = inputs.h0.copy()
    for piece in pieces(inputs):
        state = inputs.h0[piece.columns]
        for t in piece.steps:
            state = hidden_state(W_h, b_h, state, x[t, piece.columns], nonlinearity)
            h[t, piece.columns] = state
        h_n[piece.columns] = state
    return RNNRun(h, h_n, nonlinearity, inputs)


def rnn_backward(run: RNNRun, dy: Array, dh_n: Array | None = None) -> Gradients:
    """Carry a gradient back through every step of an RNN.

    From the last step to the first::

        (R3)  dh_t = dy_t + dh_t from step t+1            dh_n instead, after the last step
        (R4)  da_t = dh_t * (1 - h_t²)                    or (R5)
        (A2)-(A5) with da_t                               dW_h, db_h, dh_{t-1}, dx_t
        (R6)  dh_0 = dh_{t-1} of the first step           summed over the pieces

    Args:
        run: What `rnn` returned.
        dy: (T, B, H), gradient of the output; what stands after the end of a sequence is not read.
        dh_n: (B, H), gradient of the final hidden state; default zeros.

    Returns:
        Gradients of inputs and weights, and the total derivative dL/dh_t of every step.

    Raises:
        ShapeError, DtypeError: A gradient has not the shape or dtype of what it belongs to.
    """
    inputs = run.inputs
    book = cells.Textbook(inputs.weights)
    W_h, dW_h, db_h = book.W_h, np.zeros_like(book.W_h), np.zeros_like(book.W_h[:, 0])
    dx, dh, dh0 = np.zeros_like(inputs.x), np.zeros_like(run.h), np.zeros_like(inputs.h0)
    dy, dh_n = gradient("dy", dy, run.h), gradient("dh_n", dh_n, inputs.h0)
    for piece in reversed(pieces(inputs)):
        carried = piece.seed(dh_n)
        for t in reversed(piece.steps):
            here = t, piece.columns
            dh[here] = dy[here] + carried
            da = activation_gradient(dh[here], run.h[here], run.nonlinearity)
            h_prev = piece.previous(t, run.h, inputs.h0)
            dW_t, db_t, carried, dx[here] = affine_backward(da, W_h, h_prev, inputs.x[here])
            dW_h += dW_t
            db_h += db_t
        dh0[piece.columns] += carried
    dweight_ih, dweight_hh, db = torch_gradients(
        {"hidden": dW_h}, {"hidden": db_h}, dh0.shape[1], cells.HIDDEN
    )
    dbias = None if inputs.weights.bias_ih is None else db
    return Gradients(
        dx, dh0, None, dweight_ih, dweight_hh, dbias, dbias, dweight_hr=None, dh=dh, dc=None
    )
