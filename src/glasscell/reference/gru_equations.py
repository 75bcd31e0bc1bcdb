"""The GRU: one function per gate, then its gradient, one line per equation; and through time.

Equations are numbered (G1) to (G4) forward and (G5) to (G13) backward; those of the matrix product,
(A1) to (A5), stand in `affine`. The hidden state is the belt: z_t of it stays, and (G11) carries a
gradient over a long lag when z_t stays near 1. d before a letter is the derivative of the loss.

Sources: K. Cho et al., Learning phrase representations using RNN encoder-decoder, 2014 (the unit);
J. Chung et al., Empirical evaluation of gated recurrent neural networks, 2014 (the reset gate acts
after the product, as in cuDNN and torch); P. Werbos, Backpropagation through time, Proc. IEEE 78,
1990.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from glasscell import cells
from glasscell.arrays import Array
from glasscell.cells.parameters import LayerWeights
from glasscell.reference.affine import affine, affine_backward
from glasscell.reference.lstm_equations import sigmoid
from glasscell.reference.sequence import Gradients, Inputs, Piece, gradient, pieces, prepare

__all__ = [
    "GRUParameters",
    "GRURun",
    "GRUStep",
    "candidate",
    "gru",
    "gru_backward",
    "gru_step",
    "hidden_part",
    "hidden_state",
    "reset_gate",
    "update_gate",
]


class GRUParameters(NamedTuple):
    """W_r and W_z (H, H+I), W_in (H, I), W_hn (H, H), and biases (H,) or None."""

    W_r: Array
    W_z: Array
    W_in: Array
    W_hn: Array
    b_r: Array | None
    b_z: Array | None
    b_in: Array | None
    b_hn: Array | None


class GRUStep(NamedTuple):
    """Every value of one step, (B, H) each: r, z, n, the hidden part q of the candidate, and h."""

    r: Array
    z: Array
    n: Array
    q: Array
    h: Array


class GRURun(NamedTuple):
    """Every value of a GRU over a batch, (T, B, H) each, zero after the end; h_n (B, H)."""

    r: Array
    z: Array
    n: Array
    q: Array
    h: Array
    h_n: Array
    inputs: Inputs

    def step(self, here: tuple[int, slice]) -> GRUStep:
        """Give the values of one step of some columns."""
        return GRUStep(*(array[here] for array in self[:5]))


def parameters(weights: LayerWeights) -> GRUParameters:
    """Read the textbook form of a layer's weights."""
    book = cells.Textbook(weights, cell="GRU")
    H = weights.weight_hh.shape[1]
    W_n = book.W_n
    return GRUParameters(
        book.W_r, book.W_z, W_n[:, H:], W_n[:, :H], book.b_r, book.b_z, book.b_in, book.b_hn
    )


def reset_gate(W_r: Array, b_r: Array | None, h_prev: Array, x: Array) -> Array:
    """Compute how much the candidate sees of h: ``(G1)  r_t = σ(W_r [h_{t-1}, x_t] + b_r)``."""
    return sigmoid(affine(W_r, b_r, h_prev, x))


def update_gate(W_z: Array, b_z: Array | None, h_prev: Array, x: Array) -> Array:
    """Compute how much of h stays: ``(G2)  z_t = σ(W_z [h_{t-1}, x_t] + b_z)``."""
    return sigmoid(affine(W_z, b_z, h_prev, x))


def hidden_part(W_hn: Array, b_hn: Array | None, h_prev: Array) -> Array:
    """Compute what the reset gate acts on: ``q_t = W_hn h_{t-1} + b_hn``."""
    q: Array = h_prev @ W_hn.T
    return q if b_hn is None else q + b_hn


def candidate(W_in: Array, b_in: Array | None, r: Array, q: Array, x: Array) -> Array:
    """Compute what could enter h: ``(G3)  n_t = tanh(W_in x_t + b_in + r_t * q_t)``."""
    a = x @ W_in.T
    n: Array = np.tanh((a if b_in is None else a + b_in) + r * q)
    return n


def hidden_state(z: Array, n: Array, h_prev: Array) -> Array:
    """Mix old and new: ``(G4)  h_t = (1 - z_t) * n_t + z_t * h_{t-1}``.

    >>> hidden_state(np.array([0.75]), np.array([1.0]), np.array([4.0]))
    array([3.25])
    """
    h: Array = (1 - z) * n + z * h_prev
    return h


def gru_step(p: GRUParameters, x: Array, h_prev: Array) -> GRUStep:
    """Compute one step of a GRU, equations (G1) to (G4).

    Args:
        p: Weights in the textbook form.
        x: (B, I).
        h_prev: (B, H).

    Returns:
        Every value of the step.
    """
    r = reset_gate(p.W_r, p.b_r, h_prev, x)
    z = update_gate(p.W_z, p.b_z, h_prev, x)
    q = hidden_part(p.W_hn, p.b_hn, h_prev)
    n = candidate(p.W_in, p.b_in, r, q, x)
    return GRUStep(r, z, n, q, hidden_state(z, n, h_prev))


class StepGradient(NamedTuple):
    """Gradients of the sums of r, z and n, of q, and of h_{t-1} along the belt alone; (B, H)."""

    da_r: Array
    da_z: Array
    da_n: Array
    dq: Array
    dh_prev: Array


def gate_gradients(dh: Array, s: GRUStep, h_prev: Array) -> StepGradient:
    """Carry the total gradient of h_t to the gates and to the hidden state before.

    ::

        (G6)   da_z = dh_t * (h_{t-1} - n_t) * z_t * (1 - z_t)
        (G7)   da_n = dh_t * (1 - z_t) * (1 - n_t²)
        (G8)   da_r = da_n * q_t * r_t * (1 - r_t)
        (G9)   dq_t = da_n * r_t
        (G11)  dh_{t-1} = dh_t * z_t, and the parts of the products (G10)
    """
    da_z = dh * (h_prev - s.n) * s.z * (1 - s.z)
    da_n = dh * (1 - s.z) * (1 - s.n * s.n)
    da_r = da_n * s.q * s.r * (1 - s.r)
    return StepGradient(da_r, da_z, da_n, da_n * s.r, dh * s.z)


def gru(
    weights: LayerWeights,
    x: Array,
    h0: Array | None = None,
    *,
    reverse: bool = False,
    lengths: Any = None,
    reset: Any = None,
) -> GRURun:
    """Run a GRU of one layer in one direction over a batch of sequences.

    Args:
        weights: Arrays of any one floating dtype, which is the precision of the result.
        x: (T, B, I).
        h0: (B, H), initial hidden state; default zeros.
        reverse: Read each piece from its last step; default False.
        lengths: (B,) integers from 0 to T, any order; default all T. After the end outputs are
            zero.
        reset: (T, B) bool, cut before step t: each piece starts from h0; default no cuts.

    Returns:
        Every value of every step, and the state after the last step processed.

    Raises:
        ShapeError, DtypeError: An input does not fit the weights.

    >>> weights = LayerWeights(weight_ih=np.array([[0.0], [0.0], [99.0]]),
    ...                        weight_hh=np.zeros((3, 1)))
    >>> gru(weights, np.ones((3, 1, 1))).h.ravel()
    array([0.5  , 0.75 , 0.875])
    """
    inputs = prepare(weights, x, h0, None, reverse=reverse, lengths=lengths, reset=reset)
    p, h_n = parameters(weights), inputs.h0.copy()
    seen = GRUStep(*(np.zeros((*x.shape[:2], h_n.shape[1]), x.dtype) for _ in range(5)))
    for piece in pieces(inputs):
        h = inputs.h0[piece.columns]
        for t in piece.steps:
            step = gru_step(p, x[t, piece.columns], h)
            for array, value in zip(seen, step, strict=True):
                array[t, piece.columns] = value
            h = step.h
        h_n[piece.columns] = h
    return GRURun(*seen, h_n=h_n, inputs=inputs)


def gru_backward(run: GRURun, dy: Array, dh_n: Array | None = None) -> Gradients:
    """Carry a gradient back through every step of a GRU.

    From the last step to the first::

        (G5)   dh_t = dy_t + dh_t from step t+1       dh_n instead, after the last step
        (G6)-(G9) with dh_t                           da_z, da_n, da_r, dq_t
        (G10)  (A2)-(A5) with da_r, da_z, da_n on x alone, dq_t on h alone
        (G12)  dh_{t-1} and dx_t are the sums of their parts
        (G13)  dh_0 is what is left before the first step, summed over the pieces

    Args:
        run: What `gru` returned.
        dy: (T, B, H), gradient of the output; what stands after the end of a sequence is not read.
        dh_n: (B, H), gradient of the final hidden state; default zeros.

    Returns:
        Gradients of inputs and weights, and the total derivative dL/dh_t of every step.

    Raises:
        ShapeError, DtypeError: A gradient has not the shape or dtype of what it belongs to.
    """
    back = _ThroughTime(run)
    dy, dh_n = gradient("dy", dy, run.h), gradient("dh_n", dh_n, run.h_n)
    for piece in reversed(pieces(run.inputs)):
        carried = piece.seed(dh_n)
        for t in reversed(piece.steps):
            carried = back.step(piece, t, dy[t, piece.columns] + carried)
        back.dh0[piece.columns] += carried
    return back.gradients()


class _ThroughTime:
    """The sums that grow while the steps are taken back."""

    def __init__(self, run: GRURun) -> None:
        self.run, self.p = run, parameters(run.inputs.weights)
        weights, h = run.inputs.weights, run.inputs.h0
        self.dweight_ih = np.zeros_like(weights.weight_ih)
        self.dweight_hh = np.zeros_like(weights.weight_hh)
        self.dbias_ih = np.zeros_like(weights.weight_ih, shape=len(weights.weight_ih))
        self.dbias_hh = self.dbias_ih.copy()
        self.dx, self.dh, self.dh0 = np.zeros_like(run.inputs.x), np.zeros_like(run.h), 0 * h

    def step(self, piece: Piece, t: int, dh: Array) -> Array:
        """Take back one step, and give dh_{t-1}."""
        here = t, piece.columns
        x, h_prev = self.run.inputs.x[here], piece.previous(t, self.run.h, self.run.inputs.h0)
        self.dh[here] = dh
        d = gate_gradients(dh, self.run.step(here), h_prev)
        parts = [affine_backward(d.da_r, self.p.W_r, h_prev, x)]
        parts += [affine_backward(d.da_z, self.p.W_z, h_prev, x)]
        of_h, of_x = x[:, :0], h_prev[:, :0]
        parts += [affine_backward(d.da_n, self.p.W_in, of_x, x)]
        parts += [affine_backward(d.dq, self.p.W_hn, h_prev, of_h)]
        H = h_prev.shape[1]
        for k, (dW, db, _, dx) in enumerate(parts[:3]):
            block = slice(k * H, (k + 1) * H)
            self.dweight_ih[block] += dW[:, dW.shape[1] - x.shape[1] :]
            self.dbias_ih[block] += db
            self.dx[here] += dx
        dh_prev = d.dh_prev
        for k, (dW, db, dh_part, _) in enumerate((*parts[:2], parts[3])):
            block = slice(k * H, (k + 1) * H)
            self.dweight_hh[block] += dW[:, :H]
            self.dbias_hh[block] += db
            dh_prev = dh_prev + dh_part
        return dh_prev

    def gradients(self) -> Gradients:
        """Give the sums under torch's names."""
        biases = self.run.inputs.weights.bias_ih is not None
        return Gradients(
            dx=self.dx,
            dh0=self.dh0,
            dc0=None,
            dweight_ih=self.dweight_ih,
            dweight_hh=self.dweight_hh,
            dbias_ih=self.dbias_ih if biases else None,
            dbias_hh=self.dbias_hh if biases else None,
            dweight_hr=None,
            dh=self.dh,
            dc=None,
        )
