"""How one step changes the true state s = (h, c, …) of a layer: ds_t / ds_{t-1}, formed or applied.

A step is made of elementwise functions of the sums of its gates and of the states before it. With
their derivatives, of which `glasscell.cells` has a program for every cell, and the recurrent blocks
U of each gate::

    dc_t / dc_{t-1} = diag(dc / dc)
    dc_t / dh_{t-1} = sum over gates k of diag(dc / da_k) U_k
    dm_t / ds_{t-1} = sum over gates k of diag(dm / da_k) U_k + diag(dm / dc_t) dc_t / ds_{t-1}
    h_t = m_t, or W_hr m_t with a projection

For an LSTM dc / dc is the forget gate f, and dm / dc_t = o (1 - tanh(c_t)^2); a GRU has no c, and
dm_t / dh_{t-1} has diag(z) besides. Code that is about gates often takes dh_t / dh_{t-1} of an LSTM
at a fixed cell instead; that leaves out the conveyor belt and sees nothing of the forget gate
(`tests/inspect/dynamics/test_spectrum.py` shows by how much).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array
from glasscell.cells.evaluate import evaluate
from glasscell.errors import ShapeError
from glasscell.traces.slopes import mixes, reverse_inputs, shown_to, slopes_of
from glasscell.traces.steps import Single

if TYPE_CHECKING:
    from glasscell.cells import Cell
    from glasscell.cells.parameters import LayerWeights
    from glasscell.traces.layer import LayerTrace
    from glasscell.traces.slopes import Place

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
        size: S, P + H for an LSTM, H for a GRU or an RNN; in `s` the hidden state comes first, then
            the others in the order of the cell's.
        output_size: P.

    Raises:
        ShapeError: `layer` is a batch, or the weights are not of its size.
        ValueError: Something else than the layer changes the state between two of its calls.

    Notes:
        A call of `jvp` or `vjp` costs 8 H P k flops for an LSTM and k columns. Float64 copies of
        the weights and of the trace are kept. Where a step has means over all units, as under layer
        norm, it is formed first, which costs as much as S columns.

    >>> from glasscell.traces.layer import LayerTrace
    >>> from glasscell.weights import LayerWeights
    >>> layer = LayerTrace(*[None] * 5, hidden=np.array([[0.0], [0.5]]), mode="RNN_TANH",
    ...                    layout="TH")
    >>> weights = LayerWeights(weight_ih=np.ones((1, 1)), weight_hh=np.array([[2.0]]))
    >>> StateJacobian(layer, weights).jvp(1, np.array([[1.0]]))
    array([[1.5]])
    """

    def __init__(self, layer: LayerTrace, weights: LayerWeights) -> None:
        cell = layer.recurrence
        self.single = Single(layer, cell.state_names)
        self.order = self.single.order
        self.output_size, self.units = layer.hidden.shape[1], layer.units
        self.states = len(cell.states)
        self.size = self.output_size + (self.states - 1) * self.units
        _check(layer, weights, self.units)
        self._R = None if weights.weight_hr is None else weights.weight_hr.astype(np.float64)
        self._W = _blocks(cell, weights.weight_ih, "x")
        self._U = _blocks(cell, weights.weight_hh, "h")
        reads = [one.reads for one in cell.program.sums]
        self._by_hidden = [k for k, one in enumerate(reads) if "h" in one]
        self._by_input = [k for k, one in enumerate(reads) if "x" in one]
        vectors = getattr(weights, "vectors", {})
        self._mixed = None
        if mixes(cell):
            given = reverse_inputs(layer, np.asarray, self.single.before, vectors)
            self._mixed = cell, given
        self._by = slopes_of(layer, np.asarray, self.single.before, vectors)
        self._shut = _shut(self._by, self.states) if self._mixed is None else None

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
        before = self._parts(columns)
        return self._step(t, self._split(self._U @ before[0], self._by_hidden), before)

    def factors(self, t: int) -> tuple[Factor, ...]:
        """Give the Jacobian of one step as factors, so that shut gates cost no digits.

        Of an LSTM ``J_t = [[W_hr, W_hr diag(shown)], [0, I]] [[diag(output) U_o, 0], [K, I]]
        diag(I, f)``, K what the other gates bring from the hidden state into the cell.

        Args:
            t: Step in the sequence's own time.

        Returns:
            Functions of columns in the order in which they act, together `jvp`: that alone where
            it loses less than 5 digits.
        """
        if self._shut is not None and self._shut[t] and not self.single.cut[t]:
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
        return self._step(t, self._split(self._W @ columns, self._by_input), None)

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
        return self._carried(*self._pulled(t, self._through_output(columns), None))

    def direct(self, state: int) -> Float64:
        """(T, H): the belt of a state, see `glasscell.cells.direct`."""
        return self._by[state, "belt", state]

    def off_belt(self, t: int, columns: Array, belt: Array, state: int) -> tuple[Float64, Float64]:
        """Carry back what of a gradient does not arrive along the belt alone.

        Args:
            t: Step in the sequence's own time.
            columns: (S, k), gradient of the state that step t left, without the belt's part.
            belt: (H, k), the belt's part, of one of the states.
            state: Which: 0 for the hidden one.

        Returns:
            (H, k), the gradient of that state after step t off the belt, what goes through the
            hidden state of the same step included; and (S, k), that of the state before it.
        """
        parts = self._through_output(columns)
        here = parts[state]
        if state and (0, "after", state) in self._by:
            here = here + self._shown(t, parts[0], state)
        parts[state] = parts[state] + belt
        if self._mixed is not None:
            whole = self._carried(*self._pulled_mixed(t, parts))
            whole[self._rows(state)] -= self.direct(state)[t][:, None] * belt
            return here, np.zeros_like(whole) if self.single.cut[t] else whole
        da, before_t = self._pulled(t, parts, (state, here))
        own = self._by.get((state, "state", state))
        if own is not None and own is not self._by[state, "belt", state]:
            rest = (own[t] - self.direct(state)[t])[:, None] * belt
            known = before_t[state]
            before_t[state] = rest if known is None else known + rest
        before = self._carried(da, before_t)
        return here, np.zeros_like(before) if self.single.cut[t] else before

    def _shown(self, t: int, dm: Array, state: int) -> Float64:
        """What a gradient of the hidden state, before its projection, brings into another one."""
        if self._mixed is None:
            return np.asarray(self._by[0, "after", state][t][:, None] * dm)
        cell, inputs = self._mixed
        return shown_to(cell, [one[t] for one in inputs], dm.T, state).T

    def _rows(self, state: int) -> slice:
        first = self.output_size + (state - 1) * self.units if state else 0
        return slice(first, first + (self.units if state else self.output_size))

    def _parts(self, columns: Array) -> list[Array]:
        """The states' own rows of columns (S, k)."""
        return [columns[self._rows(state)] for state in range(self.states)]

    def _split(self, stacked: Float64, sums: Sequence[int]) -> dict[int, Float64]:
        """The sums' own rows of what a matrix of weights gave."""
        H = self.units
        return {k: stacked[place * H : (place + 1) * H] for place, k in enumerate(sums)}

    def _through_output(self, columns: Array) -> list[Array]:
        """Gradients of the states after a step, of the hidden one before its projection."""
        dh, *others = self._parts(columns)
        return [dh if self._R is None else self._R.T @ dh, *others]

    def _carried(self, da: dict[int, Float64], before: list[Float64 | None]) -> Float64:
        """Put gradients of the sums and of the states before a step together, (S, k)."""
        k = next(iter(da.values())).shape[1]
        stacked = [da.get(place, np.zeros((self.units, k))) for place in self._by_hidden]
        dh = self._U.T @ np.concatenate([np.zeros((0, k)), *stacked])
        if before[0] is not None:
            dh = dh + before[0]
        others = (np.zeros((self.units, k)) if one is None else one for one in before[1:])
        return np.concatenate([dh, *others])

    def _pulled(
        self, t: int, after: list[Array], off: tuple[int, Float64] | None
    ) -> tuple[dict[int, Float64], list[Float64 | None]]:
        """Carry gradients of the states after a step back to its sums and the states before.

        Args:
            t: Step in the sequence's own time.
            after: (H, k) of each state.
            off: A state, and what of its gradient goes on along its own direct path; None for all.
        """
        if self._mixed is not None:
            return self._pulled_mixed(t, after)
        dm, *others = after
        whole: dict[int, Float64] = {0: np.asarray(dm, dtype=np.float64)}
        for k, one in enumerate(others, 1):
            shown = self._by.get((0, "after", k))
            whole[k] = one if shown is None else one + shown[t][:, None] * dm
        da: dict[int, Float64] = {}
        before: list[Float64 | None] = [None] * self.states
        for (state, kind, place), slope in self._by.items():
            if kind not in ("sum", "state"):
                continue
            direct = off is not None and kind == "state" and off[0] == place == state
            arriving = off[1] if direct and off is not None else whole[state]
            part = slope[t][:, None] * arriving
            if kind == "sum":
                da[place] = da[place] + part if place in da else part
            else:
                known = before[place]
                before[place] = part if known is None else known + part
        return da, before

    def _pulled_mixed(
        self, t: int, after: list[Array]
    ) -> tuple[dict[int, Float64], list[Float64 | None]]:
        assert self._mixed is not None
        cell, inputs = self._mixed
        k = after[0].shape[1]
        rows = [np.broadcast_to(one[t], (k, self.units)) for one in inputs]
        arriving = [np.asarray(one, dtype=np.float64).T for one in after]
        values = evaluate(cell.reverse.operations, [*rows, *arriving])
        found = [None if place < 0 else values[place].T for place in cell.reverse.outputs]
        count = len(cell.program.sums)
        zeros = np.zeros((self.units, k))
        da = {place: zeros if one is None else one for place, one in enumerate(found[:count])}
        return da, found[count : count + self.states]

    def _forget(self, t: int, columns: Array) -> Float64:
        P = self.output_size
        kept = self._by[1, "state", 1][t][:, None]
        return np.concatenate([columns[:P], kept * columns[P:]])

    def _gate(self, t: int, columns: Array) -> Float64:
        """(2 H, k): what opens the output, and the cell."""
        P = self.output_size
        da = self._split(self._U @ columns[:P], self._by_hidden)
        opened, dc = (self._from_sums(t, state, da, columns.shape[1]) for state in (0, 1))
        return np.concatenate([opened, columns[P:] + dc])

    def _show(self, t: int, columns: Array) -> Float64:
        opened, dc = np.split(columns, 2)
        dm = opened + self._by[0, "after", 1][t][:, None] * dc
        return np.concatenate([dm if self._R is None else self._R @ dm, dc])

    def _from_sums(self, t: int, state: int, da: dict[int, Float64], count: int) -> Float64:
        """Changes of one state after a step from those of the sums, (H, k)."""
        total = np.zeros((self.units, count))
        for k, part in da.items():
            slope = self._by.get((state, "sum", k))
            if slope is not None:
                total += slope[t][:, None] * part
        return total

    def _step(self, t: int, da: dict[int, Float64], before: list[Array] | None) -> Float64:
        """Carry changes of the gates' sums, and of the states before, to the state after."""
        if self._mixed is not None:
            return self._step_mixed(t, da, before)
        count = next(part.shape[1] for part in (*da.values(), *(before or ())))
        after: dict[int, Float64] = {}
        for state in (*range(1, self.states), 0):
            change = self._from_sums(t, state, da, count)
            for place, one in enumerate(before or ()):
                slope = self._by.get((state, "state", place))
                if slope is not None:
                    change = change + slope[t][:, None] * one
            for place in range(1, self.states) if state == 0 else ():
                slope = self._by.get((0, "after", place))
                if slope is not None:
                    change = change + slope[t][:, None] * after[place]
            after[state] = change
        dm = after.pop(0)
        return np.concatenate([dm if self._R is None else self._R @ dm, *after.values()])

    def _step_mixed(self, t: int, da: dict[int, Float64], before: list[Array] | None) -> Float64:
        size = self.states * self.units
        eye = np.split(np.eye(size), self.states)
        by_sum, by_state = self._pulled_mixed(t, eye)
        change = np.zeros((size, 1))
        for k, part in da.items():
            change = change + by_sum[k].T @ part
        for own, one in zip(by_state, before or (), strict=False):
            if own is not None:
                change = change + own.T @ one
        dm, others = change[: self.units], change[self.units :]
        return np.concatenate([dm if self._R is None else self._R @ dm, others])

    def dense(self, t: int) -> Float64:
        """Form the Jacobian of one step.

        Args:
            t: Step in the sequence's own time.

        Returns:
            (S, S), ds_t / ds_{t-1}, hidden state first.
        """
        if self.single.cut[t]:
            return np.zeros((self.size, self.size))
        # Each U once with its slope costs 4 H P, a jvp of the unit columns S times as much.
        P, H = self.output_size, self.units
        blocks = []
        for state, width in enumerate((P, *(H for _ in range(1, self.states)))):
            before = [np.zeros((P, width)), *(np.zeros((H, width)) for _ in range(1, self.states))]
            before[state] = np.eye(width)
            da = {} if state else self._split(self._U, self._by_hidden)
            blocks.append(self._step(t, da, before))
        return np.hstack(blocks)


def jacobians(layer: LayerTrace, weights: LayerWeights) -> Float64:
    """Form the Jacobian of the true state s = (h, c, …) at every step: ``J_t = ds_t / ds_{t-1}``.

    Args:
        layer: One sequence, layout "TH": ``trace["l0"].sequence(0)``.
        weights: The layer's, `glasscell.inspect.layer_weights`.

    Returns:
        (T, S, S) float64, S = P + H, hidden state first (S = H for a GRU or an RNN). Index t is the
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


def _blocks(cell: Cell, matrix: Array, reads: str) -> Float64:
    """The rows of a matrix of weights for each sum that reads through it."""
    names, H = list(cell.gates), len(matrix) // cell.gate_count
    blocks = [
        matrix[names.index(one.gate) * H : (names.index(one.gate) + 1) * H]
        for one in cell.program.sums
        if reads in one.reads
    ]
    rows: Float64 = np.concatenate([np.zeros((0, matrix.shape[1])), *blocks]).astype(np.float64)
    return rows


def _shut(by: dict[Place, Float64], states: int) -> npt.NDArray[np.bool_] | None:
    """(T,): whether a unit's cell drowns what its output gate passes, where some unit forgets.

    None for a cell of another form than the LSTM's.
    """
    places = {(state, kind) for state, kind, _ in by if kind not in ("belt", "writes")}
    if states != 2 or not places <= {(0, "sum"), (0, "after"), (1, "sum"), (1, "state")}:
        return None
    if not {(0, "after", 1), (1, "state", 1)} <= by.keys() or (1, "state", 0) in by:
        return None
    opens = [np.abs(slope) for (state, kind, _), slope in by.items() if (state, kind) == (0, "sum")]
    passed = sum(opens, np.zeros(1)) * by[1, "state", 1].min(axis=1, keepdims=True)
    return np.asarray((passed < SHUT * by[0, "after", 1]).any(axis=1))


def _check(layer: LayerTrace, weights: LayerWeights, H: int) -> None:
    cell, P = layer.recurrence, layer.hidden.shape[1]
    blocks = cell.gate_count if cell.recurrent == "full" else 0
    projection = None if weights.weight_hr is None else weights.weight_hr.shape
    if weights.weight_hh.shape != (blocks * H, P) or projection != (None if P == H else (P, H)):
        needs = f"weight_hh {(blocks * H, P)}" + (f", weight_hr {(P, H)}" if P != H else "")
        raise ShapeError(
            f"expected the weights of this layer, {needs}, got weight_hh "
            f"{weights.weight_hh.shape}, weight_hr {projection}"
        )
