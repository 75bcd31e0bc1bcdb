"""How one step changes the true state s = (h, c) of a layer: ds_t / ds_{t-1}, formed or applied.

With ``tc = tanh(c_t)`` and the recurrent blocks U of each gate::

    dc_t / dc_{t-1} = diag(f)
    dc_t / dh_{t-1} = diag(c_{t-1} f (1 - f)) U_f + diag(g i (1 - i)) U_i + diag(i (1 - g^2)) U_g
    dm_t / dc_{t-1} = diag(o (1 - tc^2)) dc_t / dc_{t-1}
    dm_t / dh_{t-1} = diag(tc o (1 - o)) U_o + diag(o (1 - tc^2)) dc_t / dh_{t-1}
    h_t = m_t, or W_hr m_t with a projection

and ``diag(1 - h_t^2) U`` (tanh) or ``diag(h_t > 0) U`` (relu) for an RNN. Code that is about gates
often takes dh_t / dh_{t-1} at a fixed cell instead; that leaves out the conveyor belt and sees
nothing of the forget gate (`tests/inspect/dynamics/test_spectrum.py` shows by how much).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from glasscell import cells
from glasscell.arrays import Array
from glasscell.errors import ShapeError
from glasscell.traces.steps import Single, required

if TYPE_CHECKING:
    from glasscell.cells.parameters import LayerWeights
    from glasscell.traces.layer import LayerTrace

__all__ = ["StateJacobian", "jacobians"]

Float64: TypeAlias = npt.NDArray[np.float64]
Factor: TypeAlias = Callable[[Array], Float64]

SHUT = 1e-5
"""In one array dm_t / dh_{t-1} drowns in what the cell adds to it, digit by digit as the output
gate's slope falls, and the column of a unit as it forgets. 5 of 16 digits may go that way before a
step is taken as three factors, for 3 times the work: 2 % of the steps as torch starts H = 128."""


class StateJacobian:
    """The Jacobian of every step of one sequence, applied to columns without forming it.

    Args:
        layer: One sequence, layout "TH".
        weights: The layer's.

    Attributes:
        order: (T,) steps in the order in which the layer worked on them.
        size: S, P + H for an LSTM, H for an RNN; in `s` the hidden state comes first.
        output_size: P.

    Raises:
        ShapeError: `layer` is a batch, or the weights are not of its size.
        ValueError: Something else than the layer changes the state between two of its calls.

    Notes:
        A call of `jvp` or `vjp` costs 8 H P k flops for an LSTM and k columns. Float64 copies of
        the weights and of the trace are kept.

    >>> from glasscell.traces.layer import LayerTrace
    >>> from glasscell.weights import LayerWeights
    >>> layer = LayerTrace(*[None] * 5, hidden=np.array([[0.0], [0.5]]), mode="RNN_TANH",
    ...                    layout="TH")
    >>> weights = LayerWeights(weight_ih=np.ones((1, 1)), weight_hh=np.array([[2.0]]))
    >>> StateJacobian(layer, weights).jvp(1, np.array([[1.0]]))
    array([[1.5]])
    """

    def __init__(self, layer: LayerTrace, weights: LayerWeights) -> None:
        self.single = Single(layer, ("hidden", "cell"))
        self.order = self.single.order
        self._lstm = layer.mode == "LSTM"
        self.output_size = layer.hidden.shape[1]
        self.size = self.output_size
        if self._lstm:
            self.size += required(layer, "cell").shape[1]
        _check(layer, weights, self.size - self.output_size if self._lstm else self.size)
        self._U = weights.weight_hh.astype(np.float64)
        self._W = weights.weight_ih.astype(np.float64)
        self._R = None if weights.weight_hr is None else weights.weight_hr.astype(np.float64)
        self._slopes = _lstm_slopes(self.single) if self._lstm else _rnn_slopes(layer)
        self._shut = _shut(self._slopes) if self._lstm else np.zeros(len(self), dtype=bool)

    def __len__(self) -> int:
        return len(self.order)

    def jvp(self, t: int, columns: Array) -> Float64:
        """Carry changes of the state before step t through it.

        Args:
            t: Step in the sequence's own time.
            columns: (S, k), changes of the state that step t found.

        Returns:
            (S, k), changes of the state that it left.
        """
        if self.single.cut[t]:
            return np.zeros_like(columns, dtype=np.float64)
        P = self.output_size
        return self._step(t, self._U @ columns[:P], columns[P:])

    def factors(self, t: int) -> tuple[Factor, ...]:
        """Give the Jacobian of one step as factors, so that shut gates cost no digits.

        ``J_t = [[W_hr, W_hr diag(shown)], [0, I]] [[diag(output) U_o, 0], [K, I]] diag(I, f)``, K
        what the other gates bring from the hidden state into the cell, slopes as above.

        Args:
            t: Step in the sequence's own time.

        Returns:
            Functions of columns in the order in which they act, together `jvp`: that alone where
            it loses less than 5 digits.
        """
        if self._shut[t] and not self.single.cut[t]:
            return partial(self._forget, t), partial(self._gate, t), partial(self._show, t)
        return (partial(self.jvp, t),)

    def entering(self, t: int, columns: Array) -> Float64:
        """Carry changes of the input of step t into the state that it leaves.

        Args:
            t: Step in the sequence's own time.
            columns: (I, k).

        Returns:
            (S, k).
        """
        return self._step(t, self._W @ columns, None)

    def vjp(self, t: int, columns: Array) -> Float64:
        """Carry gradients of the state that step t left back to the state that it found.

        Args:
            t: Step in the sequence's own time.
            columns: (S, k).

        Returns:
            (S, k), the transposed Jacobian applied.
        """
        if self.single.cut[t]:
            return np.zeros_like(columns, dtype=np.float64)
        P, slopes = self.output_size, self._slopes
        if not self._lstm:
            return np.asarray(self._U.T @ (slopes["hidden"][t][:, None] * columns))
        dm = columns[:P] if self._R is None else self._R.T @ columns[:P]
        dc = columns[P:] + slopes["shown"][t][:, None] * dm
        da = {gate: slopes[gate][t][:, None] * dc for gate in ("input", "forget", "candidate")}
        da["output"] = slopes["output"][t][:, None] * dm
        return np.concatenate([self._U.T @ cells.join(da), slopes["kept"][t][:, None] * dc])

    def through_hidden(self, t: int, columns: Array) -> Float64:
        """Carry gradients of h_t back to c_t, on which it depends in the same step.

        Args:
            t: Step in the sequence's own time.
            columns: (P, k).

        Returns:
            (H, k).
        """
        dm = columns if self._R is None else self._R.T @ columns
        return np.asarray(self._slopes["shown"][t][:, None] * dm)

    def _forget(self, t: int, columns: Array) -> Float64:
        P = self.output_size
        return np.concatenate([columns[:P], self._slopes["kept"][t][:, None] * columns[P:]])

    def _gate(self, t: int, columns: Array) -> Float64:
        """(2 H, k): what opens the output, and the cell."""
        P, slopes = self.output_size, self._slopes
        parts = cells.split(self._U @ columns[:P])
        dc = columns[P:] + sum(
            slopes[g][t][:, None] * parts[g] for g in ("input", "forget", "candidate")
        )
        return np.concatenate([slopes["output"][t][:, None] * parts["output"], dc])

    def _show(self, t: int, columns: Array) -> Float64:
        opened, dc = np.split(columns, 2)
        dm = opened + self._slopes["shown"][t][:, None] * dc
        return np.concatenate([dm if self._R is None else self._R @ dm, dc])

    def _step(self, t: int, da: Float64, dc_before: Array | None) -> Float64:
        """Carry changes of the gates' sums, and of the cell before, to the state after."""
        slopes = self._slopes
        if not self._lstm:
            return np.asarray(slopes["hidden"][t][:, None] * da)
        parts = cells.split(da)
        dc = sum(slopes[g][t][:, None] * parts[g] for g in ("input", "forget", "candidate"))
        if dc_before is not None:
            dc = dc + slopes["kept"][t][:, None] * dc_before
        dm = slopes["output"][t][:, None] * parts["output"] + slopes["shown"][t][:, None] * dc
        return np.concatenate([dm if self._R is None else self._R @ dm, dc])

    def dense(self, t: int) -> Float64:
        """Form the Jacobian of one step.

        Args:
            t: Step in the sequence's own time.

        Returns:
            (S, S), ds_t / ds_{t-1}, hidden state first.
        """
        if self.single.cut[t]:
            return np.zeros((self.size, self.size))
        if not self._lstm:
            return np.asarray(self._slopes["hidden"][t][:, None] * self._U)
        # Each U once with its slope costs 4 H P, a jvp of the unit columns S times as much.
        H = self.size - self.output_size
        from_hidden = self._step(t, self._U, None)
        return np.hstack([from_hidden, self._step(t, np.zeros((4 * H, H)), np.eye(H))])


def jacobians(layer: LayerTrace, weights: LayerWeights) -> Float64:
    """Form the Jacobian of the true state s = (h, c) at every step: ``J_t = ds_t / ds_{t-1}``.

    Args:
        layer: One sequence, layout "TH": ``trace["l0"].sequence(0)``.
        weights: The layer's, `glasscell.inspect.layer_weights`.

    Returns:
        (T, S, S) float64, S = P + H, hidden state first (S = H for an RNN). Index t is the
        sequence's own time; t - 1 is the step that the layer read before, at first the initial
        state. Zero where the layer began anew (`reset`).

    Raises:
        ShapeError: `layer` is a batch, or the weights are not of its size.
        ValueError: Something else than the layer changes the state between two of its calls.

    Notes:
        T S^2 numbers: 105 MB at T = 200, H = 128; `StateJacobian` applies them without. Where
        h_t = 0 the slope of relu is taken as 0, as torch does. Source: the derivative of the
        equations in `glasscell.reference`.

    >>> from glasscell.traces.layer import LayerTrace
    >>> from glasscell.weights import LayerWeights
    >>> gates = {name: np.full((3, 1), 0.5) for name in ("forget", "input", "output")}
    >>> layer = LayerTrace(**gates, candidate=np.zeros((3, 1)), cell=np.zeros((3, 1)),
    ...                    hidden=np.zeros((3, 1)), layout="TH")
    >>> weights = LayerWeights(weight_ih=np.zeros((4, 1)), weight_hh=np.zeros((4, 1)))
    >>> jacobians(layer, weights)[0]
    array([[0.  , 0.25],
           [0.  , 0.5 ]])
    """
    of = StateJacobian(layer, weights)
    formed = np.empty((len(of), of.size, of.size))
    for t in range(len(of)):
        formed[t] = of.dense(t)
    return formed


def _lstm_slopes(single: Single) -> dict[str, Float64]:
    """(T, H) each: by what a change of each gate's sum, and of the cell before, is multiplied."""
    names = ("forget", "input", "candidate", "output", "cell")
    f, i, g, o, c = (required(single.trace, name).astype(np.float64) for name in names)
    shown, ends = np.tanh(c), np.exp(-2 * np.abs(c))
    return {
        "kept": f,
        "forget": single.cell_before().astype(np.float64) * f * (1 - f),
        "input": g * i * (1 - i),
        "candidate": i * _sloped(g),
        "output": shown * o * (1 - o),
        "shown": o * 4 * ends / (1 + ends) ** 2,  # 1 - tanh^2, and no 0 beyond |c| = 19
    }


def _shut(slopes: dict[str, Float64]) -> npt.NDArray[np.bool_]:
    """(T,): whether a unit's cell drowns what its output gate passes, where some unit forgets."""
    passed = np.abs(slopes["output"]) * slopes["kept"].min(axis=1, keepdims=True)
    return np.asarray((passed < SHUT * slopes["shown"]).any(axis=1))


def _rnn_slopes(layer: LayerTrace) -> dict[str, Float64]:
    h = layer.hidden.astype(np.float64)
    return {"hidden": _sloped(h) if layer.mode == "RNN_TANH" else (h > 0).astype(np.float64)}


def _sloped(y: Float64) -> Float64:
    """``1 - y^2``, the slope of tanh where it is y, to its own rounding near 1."""
    return (1 - y) * (1 + y)


def _check(layer: LayerTrace, weights: LayerWeights, H: int) -> None:
    P, blocks = layer.hidden.shape[1], 4 if layer.mode == "LSTM" else 1
    projection = None if weights.weight_hr is None else weights.weight_hr.shape
    if weights.weight_hh.shape != (blocks * H, P) or projection != (None if P == H else (P, H)):
        needs = f"weight_hh {(blocks * H, P)}" + (f", weight_hr {(P, H)}" if P != H else "")
        raise ShapeError(
            f"expected the weights of this layer, {needs}, got weight_hh "
            f"{weights.weight_hh.shape}, weight_hr {projection}"
        )
