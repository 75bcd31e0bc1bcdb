"""Any cell over sequences, from the program of its step: forward, and backward through time.

The sums of the gates are products as everywhere, the rest is what the program says::

    (P1)  a_t = W x_t + R h_{t-1} + b        W x_t + b_ih or R h_{t-1} + b_hh where the cell reads
                                             the two parts alone
          under a mask of h_{t-1} (Gal), h_{t-1} * m in its place, and R^T da_t * m in (P4)
    (P2)  h_t, c_t, … = step(a_t, h_{t-1}, c_{t-1}, …)
    (P3)  da_t, direct dh_{t-1}, dc_{t-1}, dp = reverse(dh_t, dc_t, …)
    (P4)  dh_{t-1} = direct dh_{t-1} + R^T da_t        dx_t = W^T da_t
    (P5)  dW = Σ da_t x_t^T       dR = Σ da_t h_{t-1}^T       db = Σ da_t       dp = Σ dp

What every fused kernel and every hand-written equation computes is a claim about this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from glasscell.arrays import Array
from glasscell.cells import Cell, of
from glasscell.cells.derivative import Reverse, reverse
from glasscell.cells.evaluate import NUMPY, Functions, evaluate
from glasscell.cells.parameters import LayerWeights
from glasscell.cells.program import Program, Sum
from glasscell.errors import ShapeError
from glasscell.reference.sequence import Gradients, Inputs, Piece, gradient, pieces, prepare

__all__ = ["CellRun", "run_cell", "run_cell_backward"]


class CellRun(NamedTuple):
    """Every value of a cell over a batch; zero after the end of a sequence.

    h is (T, B, H), h_n (B, H). c and c_n are the other states, (T, B, H) and (B, H) of a cell with
    one, (T, B, S, H) and (B, S, H) of a cell with S of them, None of a cell with none. quantities
    has what the step names, (T, B, H) each; kept (T, B, K, H) is what the backward pass needs.
    """

    h: Array
    c: Array | None
    h_n: Array
    c_n: Array | None
    quantities: Mapping[str, Array]
    kept: Array
    step: _Step
    inputs: Inputs


class _Step(NamedTuple):
    """One step of a cell, in training with masks or without, and its reverse pass."""

    cell: Cell
    program: Program
    reverse: Reverse
    vectors: Sequence[Array]
    masks: Sequence[Array]
    functions: Functions

    def into_product(self, h: Array, here: tuple[int, slice]) -> Array:
        """Give h_{t-1} as the product with R reads it: under its mask in training."""
        of_h = self.cell.hidden_mask
        if of_h is None or not self.masks:
            return h
        return np.asarray(h * self.masks[self.program.masks.index(of_h)][here])

    def masks_at(self, here: tuple[int, slice]) -> list[Array]:
        """Give the masks of one step of some columns."""
        return [mask[here] for mask in self.masks]


def run_cell(
    cell: str | Cell,
    weights: LayerWeights,
    x: Array,
    h0: Array | None = None,
    c0: Array | None = None,
    *,
    masks: Mapping[str, Array] | None = None,
    functions: Functions = NUMPY,
    **order: Any,
) -> CellRun:
    """Run a cell of one layer in one direction over a batch of sequences.

    Args:
        cell: A cell, or the name of a built-in one.
        weights: Arrays of any one floating dtype, which is the precision of the result.
        x: (T, B, I).
        h0: (B, H), initial hidden state; default what the cell starts from.
        c0: (B, H), (B, S, H) of a cell with S > 1 states beside the hidden one; default as h0.
        masks: Letter to (T, B, H) of a cell with random masks: a run in training. Default: none,
            each mask is the number that stands for it outside training.
        functions: What the operations are; default NumPy's own.
        **order: reverse, lengths, reset, as in `lstm`.

    Returns:
        Every state and named quantity of every step, and the states after the last step processed.

    Raises:
        ShapeError, DtypeError: An input does not fit the weights.

    >>> weights = LayerWeights(weight_ih=np.array([[0.0], [0.0], [99.0], [99.0]]),
    ...                        weight_hh=np.zeros((4, 1)))
    >>> run_cell("LSTM", weights, np.ones((3, 1, 1))).c.ravel()
    array([0.5  , 0.75 , 0.875])
    """
    step = _prepared(of(cell), weights, masks, functions)
    given = {"reverse": False, "lengths": None, "reset": None} | order
    initial = [step.cell.initial.get(letter, 0.0) for letter in step.cell.states]
    inputs = prepare(weights, x, h0, c0, initial=initial, **given)
    T, B, H = *x.shape[:2], inputs.h0.shape[1]
    states = np.zeros((len(initial), T, B, H), x.dtype)
    final = [state.copy() for state in _split(inputs.h0, inputs.c0)]
    kept = np.zeros((T, B, len(step.reverse.kept), H), x.dtype)
    for piece in pieces(inputs):
        now = [state[piece.columns] for state in _split(inputs.h0, inputs.c0)]
        for t in piece.steps:
            here = t, piece.columns
            sums = _sums(step, weights, x[here], step.into_product(now[0], here))
            given_to_it = [*sums, *now, *step.vectors, *step.masks_at(here)]
            values = evaluate(step.program.operations, given_to_it, step.functions)
            now = [np.broadcast_to(values[k], now[0].shape) for k in step.program.outputs]
            for array, value in zip(states, now, strict=True):
                array[here] = value
            for slot, k in enumerate(step.reverse.kept):
                kept[t, piece.columns, slot] = values[k]
        for array, value in zip(final, now, strict=True):
            array[piece.columns] = value
    letters = {**step.cell.gates, **step.cell.states}
    named = {letters[q]: kept[:, :, slot] for slot, q in enumerate(step.reverse.quantities)}
    h_n, c_n = _joined(final)
    h, c = _joined(list(states))
    return CellRun(h, c, h_n, c_n, named, kept, step, inputs)


def run_cell_backward(
    run: CellRun, dy: Array, dh_n: Array | None = None, dc_n: Array | None = None
) -> Gradients:
    """Carry a gradient back through every step of a cell, equations (P3) to (P5).

    Args:
        run: What `run_cell` returned.
        dy: (T, B, H), gradient of the output; what stands after the end of a sequence is not read.
        dh_n: (B, H), gradient of the final hidden state; default zeros.
        dc_n: As c_n, gradient of the other final states; default zeros.

    Returns:
        Gradients of inputs and weights, and the total derivatives of every step.

    Raises:
        ShapeError, DtypeError: A gradient has not the shape or dtype of what it belongs to.
    """
    back = _ThroughTime(run)
    dy = gradient("dy", dy, run.h)
    last = _split(
        gradient("dh_n", dh_n, run.h_n),
        None if run.c_n is None else gradient("dc_n", dc_n, run.c_n),
    )
    for piece in reversed(pieces(run.inputs)):
        carried = [piece.seed(final) for final in last]
        for t in reversed(piece.steps):
            carried = back.step(piece, t, [dy[t, piece.columns] + carried[0], *carried[1:]])
        for total, part in zip(back.initial, carried, strict=True):
            total[piece.columns] += part
    return back.gradients()


class _ThroughTime:
    """The sums that grow while the steps are taken back."""

    def __init__(self, run: CellRun) -> None:
        self.run, weights = run, run.inputs.weights
        self.dweight_ih = np.zeros_like(weights.weight_ih)
        self.dweight_hh = np.zeros_like(weights.weight_hh)
        self.dbias_ih = np.zeros_like(weights.weight_ih, shape=len(weights.weight_ih))
        self.dbias_hh = self.dbias_ih.copy()
        H = run.h.shape[2]
        self.dvectors = np.zeros_like(weights.weight_ih, shape=(len(run.step.vectors), H))
        self.dx = np.zeros_like(run.inputs.x)
        self.states = _split(run.h, run.c, axis=2)
        self.starts = _split(run.inputs.h0, run.inputs.c0)
        self.total = [np.zeros_like(state) for state in self.states]
        self.initial = [np.zeros_like(start) for start in self.starts]

    def step(self, piece: Piece, t: int, arriving: list[Array]) -> list[Array]:
        """Take back one step, and give the derivatives by the states before it."""
        here, step, program = (t, piece.columns), self.run.step, self.run.step.program
        before = [
            piece.previous(t, s, start) for s, start in zip(self.states, self.starts, strict=True)
        ]
        kept = np.moveaxis(self.run.kept[here], 1, 0)
        given = [*kept, *before, *step.vectors, *step.masks_at(here), *arriving]
        values = evaluate(step.reverse.operations, given, step.functions)
        shape = before[0].shape
        zero = np.zeros_like(before[0])
        found = [zero if k < 0 else np.broadcast_to(values[k], shape) for k in step.reverse.outputs]
        sums, states = len(program.sums), len(program.states)
        h = step.into_product(before[0], here)
        through_r, self.dx[here] = self._products(found[:sums], self.run.inputs.x[here], h)
        for total, part in zip(self.dvectors, found[sums + states :], strict=True):
            total += part.sum(axis=0)
        direct = found[sums : sums + states]
        for total, k in zip(self.total, step.reverse.totals, strict=True):
            total[here] = values[k]
        return [direct[0] + step.into_product(through_r, here), *direct[1:]]

    def _products(self, da: Sequence[Array], x: Array, h: Array) -> tuple[Array, Array]:
        """Add to the gradients of the weights, and give the parts of dh_{t-1} and dx_t."""
        weights, cell = self.run.inputs.weights, self.run.step.cell
        dh, dx = np.zeros_like(h), np.zeros_like(x)
        for each, part in zip(self.run.step.program.sums, da, strict=True):
            block = _block(cell, each, h.shape[1])
            if "x" in each.reads:
                self.dweight_ih[block] += part.T @ x
                self.dbias_ih[block] += part.sum(axis=0)
                dx += part @ weights.weight_ih[block]
            if "h" in each.reads:
                self.dweight_hh[block] += part.T @ h
                self.dbias_hh[block] += part.sum(axis=0)
                dh += part @ weights.weight_hh[block]
        return dh, dx

    def gradients(self) -> Gradients:
        """Give the sums under torch's names."""
        weights = self.run.inputs.weights
        dh0, dc0 = _joined(self.initial)
        dh, dc = _joined(self.total)
        return Gradients(
            dx=self.dx,
            dh0=dh0,
            dc0=dc0,
            dweight_ih=self.dweight_ih,
            dweight_hh=self.dweight_hh,
            dbias_ih=None if weights.bias_ih is None else self.dbias_ih,
            dbias_hh=None if weights.bias_hh is None else self.dbias_hh,
            dweight_hr=None,
            dh=dh,
            dc=dc,
            dvectors=self.dvectors if len(self.dvectors) else None,
        )


def _prepared(
    cell: Cell, weights: LayerWeights, masks: Mapping[str, Array] | None, functions: Functions
) -> _Step:
    if weights.weight_hr is not None:
        raise ShapeError(
            "expected a layer without a projection, which no program has, got weight_hr; "
            "reference.lstm runs it"
        )
    program = cell.evaluation if masks is None else cell.program
    back = reverse(program, _order(cell))
    missing = [name for name in program.masks if name not in (masks or {})]
    if missing or (absent := [name for name in program.vectors if name not in weights.vectors]):
        raise ShapeError(
            f"expected the masks {program.masks} and vectors {program.vectors} of {cell.name}, "
            f"got none of {', '.join(missing or absent)}"
        )
    vectors = [weights.vectors[name] for name in program.vectors]
    drawn = [(masks or {})[name] for name in program.masks]
    return _Step(cell, program, back, vectors, drawn, functions)


def _order(cell: Cell) -> tuple[str, ...]:
    hidden, *others = cell.states
    return (*(letter for letter in cell.gates if letter != hidden), *others)


def _sums(step: _Step, weights: LayerWeights, x: Array, h: Array) -> list[Array]:
    """Compute every sum that the step reads, (P1)."""
    sums = []
    for each in step.program.sums:
        block, total = _block(step.cell, each, h.shape[1]), None
        parts = (
            ("x", x, weights.weight_ih, weights.bias_ih),
            ("h", h, weights.weight_hh, weights.bias_hh),
        )
        for letter, read, matrix, bias in parts:
            if letter in each.reads:
                part = read @ matrix[block].T
                part = part if bias is None else part + bias[block]
                total = part if total is None else total + part
        assert total is not None
        sums.append(total)
    return sums


def _block(cell: Cell, each: Sum, H: int) -> slice:
    place = list(cell.gates).index(each.gate)
    return slice(place * H, (place + 1) * H)


def _split(h: Array, c: Array | None, axis: int = 1) -> list[Array]:
    """Give each state by itself, the hidden one first."""
    if c is None:
        return [h]
    return [h, c] if c.ndim == h.ndim else [h, *np.moveaxis(c, axis, 0)]


def _joined(states: Sequence[Array]) -> tuple[Array, Array | None]:
    """Undo `_split`: the hidden state, and the others in one array."""
    h, *others = states
    if not others:
        return h, None
    return h, others[0] if len(others) == 1 else np.stack(others, axis=-2)
