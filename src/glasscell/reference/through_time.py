"""The LSTM over sequences: forward, and backward through time.

Source: P. Werbos, Backpropagation through time: what it does and how to do it, Proc. IEEE 78, 1990.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from glasscell import cells
from glasscell.arrays import Array
from glasscell.cells.parameters import LayerWeights
from glasscell.reference.affine import affine_backward, torch_gradients
from glasscell.reference.lstm_equations import (
    LSTMStep,
    cell_gradient,
    gate_gradients,
    lstm_step,
    parameters,
    projection_gradient,
)
from glasscell.reference.sequence import Gradients, Inputs, Piece, gradient, pieces, prepare

__all__ = ["LSTMRun", "lstm", "lstm_backward"]


class LSTMRun(NamedTuple):
    """Every value of an LSTM over a batch; zero after the end of a sequence.

    i, f, g, o and c are (T, B, H), h is (T, B, P); h_n (B, P) and c_n (B, H) are the states after
    the last step that was processed.
    """

    i: Array
    f: Array
    g: Array
    o: Array
    c: Array
    h: Array
    h_n: Array
    c_n: Array
    inputs: Inputs

    def step(self, here: tuple[int, slice]) -> LSTMStep:
        """Give the values of one step of some columns."""
        return LSTMStep(*(array[here] for array in self[:6]))


def lstm(
    weights: LayerWeights,
    x: Array,
    h0: Array | None = None,
    c0: Array | None = None,
    *,
    reverse: bool = False,
    lengths: Any = None,
    reset: Any = None,
) -> LSTMRun:
    """Run an LSTM of one layer in one direction over a batch of sequences.

    Args:
        weights: Arrays of any one floating dtype, which is the precision of the result.
        x: (T, B, I).
        h0: (B, P), initial hidden state; default zeros.
        c0: (B, H), initial cell state; default zeros.
        reverse: Read each piece from its last step; default False.
        lengths: (B,) integers from 0 to T, any order; default all T. After the end outputs are
            zero.
        reset: (T, B) bool, cut before step t: each piece starts from (h0, c0), in both directions
            as if it were a sequence of its own; default no cuts.

    Returns:
        Every value of every step, and the states after the last step processed.

    Raises:
        ShapeError, DtypeError: An input does not fit the weights.

    >>> weights = LayerWeights(weight_ih=np.array([[0.0], [0.0], [99.0], [99.0]]),
    ...                        weight_hh=np.zeros((4, 1)))
    >>> lstm(weights, np.ones((3, 1, 1))).c.ravel()
    array([0.5  , 0.75 , 0.875])
    """
    inputs = prepare(
        weights, x, h0, c0, initial=(0, 0), reverse=reverse, lengths=lengths, reset=reset
    )
    assert inputs.c0 is not None
    p, h_n, c_n = parameters(weights), inputs.h0.copy(), inputs.c0.copy()
    widths = [c_n.shape[1]] * 5 + [h_n.shape[1]]
    seen = LSTMStep(*(np.zeros((*x.shape[:2], width), x.dtype) for width in widths))
    for piece in pieces(inputs):
        h, c = inputs.h0[piece.columns], inputs.c0[piece.columns]
        for t in piece.steps:
            step = lstm_step(p, x[t, piece.columns], h, c)
            for array, value in zip(seen, step, strict=True):
                array[t, piece.columns] = value
            h, c = step.h, step.c
        h_n[piece.columns], c_n[piece.columns] = h, c
    return LSTMRun(*seen, h_n=h_n, c_n=c_n, inputs=inputs)


def lstm_backward(
    run: LSTMRun, dy: Array, dh_n: Array | None = None, dc_n: Array | None = None
) -> Gradients:
    """Carry a gradient back through every step of an LSTM.

    From the last step to the first::

        (17)  dh_t = dy_t + dh_t from step t+1       dh_n and dc_n instead, after the last step
        (8)-(16) with dh_t                           da_i, da_f, da_g, da_o, dc_{t-1}
        (A2)-(A5) with each of the four              dW, db, and parts of dh_{t-1} and dx_t
        (18)  dh_{t-1} and dx_t are the sums of their four parts
        (19)  dh_0 and dc_0 are what is left before the first step, summed over the pieces

    Args:
        run: What `lstm` returned.
        dy: (T, B, P), gradient of the output; what stands after the end of a sequence is not read.
        dh_n: (B, P), gradient of the final hidden state; default zeros.
        dc_n: (B, H), gradient of the final cell state; default zeros.

    Returns:
        Gradients of inputs and weights, and the total derivatives of every step.

    Raises:
        ShapeError, DtypeError: A gradient has not the shape or dtype of what it belongs to.
    """
    back = _ThroughTime(run)
    dy = gradient("dy", dy, run.h)
    dh_n, dc_n = gradient("dh_n", dh_n, run.h_n), gradient("dc_n", dc_n, run.c_n)
    for piece in reversed(pieces(run.inputs)):
        dh_next, dc_next = piece.seed(dh_n), piece.seed(dc_n)
        for t in reversed(piece.steps):
            dh_next, dc_next = back.step(piece, t, dy[t, piece.columns] + dh_next, dc_next)
        back.dh0[piece.columns] += dh_next
        back.dc0[piece.columns] += dc_next
    return back.gradients()


class _ThroughTime:
    """The sums that grow while the steps are taken back."""

    def __init__(self, run: LSTMRun) -> None:
        assert run.inputs.c0 is not None
        self.run, self.c0 = run, run.inputs.c0
        p = parameters(run.inputs.weights)
        self.W = {"input": p.W_i, "forget": p.W_f, "candidate": p.W_C, "output": p.W_o}
        self.W_hr = p.W_hr
        self.dW = {gate: np.zeros_like(W) for gate, W in self.W.items()}
        self.db = {gate: np.zeros_like(W[:, 0]) for gate, W in self.W.items()}
        self.dW_hr = None if p.W_hr is None else np.zeros_like(p.W_hr)
        self.dx = np.zeros_like(run.inputs.x)
        self.dh0, self.dc0 = np.zeros_like(run.inputs.h0), np.zeros_like(self.c0)
        self.dh, self.dc = np.zeros_like(run.h), np.zeros_like(run.c)

    def step(self, piece: Piece, t: int, dh: Array, dc_next: Array) -> tuple[Array, Array]:
        """Take back one step, and give dh_{t-1} and dc_{t-1}."""
        here = t, piece.columns
        s = self.run.step(here)
        dm, dW_hr = projection_gradient(dh, s, self.W_hr)
        dc = cell_gradient(dm, dc_next, s)
        da, dc_prev = gate_gradients(dm, dc, s, piece.previous(t, self.run.c, self.c0))
        if self.dW_hr is not None:
            self.dW_hr += dW_hr
        self.dh[here], self.dc[here] = dh, dc
        return self._products(piece, t, da), dc_prev

    def _products(self, piece: Piece, t: int, da: dict[str, Array]) -> Array:
        here = t, piece.columns
        h_prev = piece.previous(t, self.run.h, self.run.inputs.h0)
        dh_prev = np.zeros_like(h_prev)
        for gate, W in self.W.items():
            dW, db, dh, dx = affine_backward(da[gate], W, h_prev, self.run.inputs.x[here])
            self.dW[gate] += dW
            self.db[gate] += db
            self.dx[here] += dx
            dh_prev += dh
        return dh_prev

    def gradients(self) -> Gradients:
        """Give the sums under torch's names."""
        P = self.dh0.shape[1]
        dweight_ih, dweight_hh, db = torch_gradients(self.dW, self.db, P, cells.TORCH)
        dbias = None if self.run.inputs.weights.bias_ih is None else db
        return Gradients(
            self.dx,
            self.dh0,
            self.dc0,
            dweight_ih,
            dweight_hh,
            dbias,
            dbias,
            self.dW_hr,
            self.dh,
            self.dc,
        )
