"""The recurrence as a plain loop of torch operations: slow, differentiable as often as one likes.

Second derivatives go through here, and so do `lengths` and `reset` where the kernels cannot run
(another device, half precision). Same arguments and results as one layer of `autograd.apply`. What
a step computes comes from the cell's program, whichever cell it is.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import linear, logsigmoid

from glasscell import cells
from glasscell.cells import Cell
from glasscell.cells.evaluate import Functions, evaluate
from glasscell.cells.program import Program
from glasscell.nn.call import Result
from glasscell.nn.names import ROLES, Weights
from glasscell.nn.sequences import Layout

__all__ = ["FUNCTIONS", "constants", "run_layer"]

Maybe = Tensor | None


def _mean(*operands: Tensor) -> Tensor:
    return torch.cat(operands, -1).mean(-1, keepdim=True).expand_as(operands[0])


FUNCTIONS: Functions = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "max": lambda a, b: torch.where(a > b, a, b),
    "min": lambda a, b: torch.where(a < b, a, b),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "exp": torch.exp,
    "log_sigmoid": logsigmoid,
    "sqrt": torch.sqrt,
    "abs": torch.abs,
    "where_positive": lambda a, b: torch.where(a > 0, b, 0.0),
    "mean": _mean,
}
"""torch's own functions for the operations of a program."""


def constants() -> Callable[[float, Tensor], Tensor]:
    """Give a maker of constants for `cells.evaluate`, which makes each of them once."""
    made: dict[float, Tensor] = {}

    def constant(value: float, like: Tensor) -> Tensor:
        if value not in made:
            made[value] = torch.full_like(like, value)
        return made[value]

    return constant


def run_layer(
    mode: str | Cell,
    weights: Sequence[Weights],
    x: Tensor,
    h0: Maybe,
    c0: Maybe,
    layout: Layout,
    masks: Sequence[Tensor] | None = None,
) -> Result:
    """Run one layer in all its directions.

    Args:
        mode: torch's name of the recurrence, or a cell.
        weights: Of each direction.
        x: (T, B, I), or (N, I) with `layout.batch_sizes`.
        h0: (D, B, P), None for what the cell starts from.
        c0: The states after the hidden one, (D, B, H) or (D, B, S, H); None likewise.
        layout: Where sequences begin and end.
        masks: As in `Call`.

    Returns:
        output (T, B, D * P) or (N, D * P), h_n (D, B, P), c_n as c0; None without such states.

    >>> w, one = torch.full((1, 1), 0.5), torch.ones(2, 1, 1)
    >>> run_layer("RNN_RELU", [(w, w, None, None, None)], one, None, None, Layout())[0].flatten()
    tensor([0.5000, 0.7500])
    """
    rows = None
    alive, start = _alive(layout, x)
    if layout.batch_sizes is not None:
        rows, alive = _packed_rows(layout, x)
        x = x.new_zeros((*alive.shape[:2], x.shape[-1])).index_put(rows, x)
    results = []
    for d, w in enumerate(weights):
        step = _Step(cells.of(mode), w, None if masks is None else masks[d])
        initial = _initial(step, x, _part(h0, d), _part(c0, d))
        results.append(_run_direction(step, x, initial, alive, start, reverse=d == 1))
    output = torch.cat([output for output, _ in results], dim=-1)
    if rows is not None:
        output = output[rows]
    h_n = torch.stack([states[0] for _, states in results])
    extra = [states[1:] for _, states in results]
    if not extra[0]:
        return output, h_n, None
    one = len(extra[0]) == 1
    return output, h_n, torch.stack([s[0] if one else torch.stack(s, 1) for s in extra])


def _alive(layout: Layout, x: Tensor) -> tuple[Tensor | None, Tensor | None]:
    """Say which steps exist and before which ones the state starts again, (T, B, 1) each."""
    alive = start = None
    if layout.lengths is not None:
        lengths = torch.from_numpy(layout.lengths).to(x.device)
        alive = (torch.arange(len(x), device=x.device)[:, None] < lengths)[..., None]
    if layout.reset is not None:
        start = torch.from_numpy(layout.reset).to(x.device)[..., None]
    return alive, start


def _packed_rows(layout: Layout, x: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Say at which (t, b) each packed row stands, and which of all (t, b) exist."""
    sizes = torch.from_numpy(layout.batch_sizes).to(x.device)
    steps = torch.arange(len(sizes), device=x.device).repeat_interleave(sizes)
    first = (sizes.cumsum(0) - sizes).repeat_interleave(sizes)
    batch = torch.arange(int(sizes[0]), device=x.device)
    alive = (batch < sizes[:, None])[..., None]
    return (steps, torch.arange(len(steps), device=x.device) - first), alive


class _Step:
    """One direction's step: from the states before it and what x adds to the sums to those after.

    Args:
        cell: Whose step it is.
        weights: Its parameters.
        masks: (T or 1, B, M, H); None outside training.
    """

    def __init__(self, cell: Cell, weights: Weights, masks: Maybe) -> None:
        self.cell = cell
        self.program: Program = cell.evaluation if masks is None else cell.program
        self.w_ih, self.w_hh, self.b_ih, self.b_hh, self.w_hr = weights[: len(ROLES)]
        vectors = dict(zip(cell.program.vectors, weights[len(ROLES) :], strict=True))
        self.vectors = [vectors[name] for name in self.program.vectors]
        self.masks = masks
        of_h = None if masks is None else cell.hidden_mask
        self.hidden_mask = None if of_h is None else self.program.masks.index(of_h)
        self.constant = constants()
        gates = list(cell.gates)
        self.sums = [(s.reads, gates.index(s.gate)) for s in self.program.sums]
        self.reads = {reads for reads, _ in self.sums}

    def from_input(self, x: Tensor) -> Tensor:
        """Give W x + b_ih of all steps (T, B, G H)."""
        assert self.w_ih is not None
        return linear(x, self.w_ih, self.b_ih)

    def __call__(self, t: int, from_x: Tensor, states: Sequence[Tensor]) -> list[Tensor]:
        """Take step t."""
        count, blocks = self.cell.gate_count, {}
        masks = None if self.masks is None else self.masks[t if len(self.masks) > 1 else 0]
        if "x" in self.reads:
            blocks["x"] = from_x.chunk(count, dim=1)
        if self.reads != {"x"}:
            assert self.w_hh is not None
            h = states[0]
            if masks is not None and self.hidden_mask is not None:
                h = h * masks[:, self.hidden_mask]
            from_h = linear(h, self.w_hh, self.b_hh)
            if "h" in self.reads:
                blocks["h"] = from_h.chunk(count, dim=1)
            if "xh" in self.reads:
                both = from_x + from_h
                blocks["xh"] = both.chunk(count, dim=1) if count > 1 else (both,)
        inputs = [blocks[reads][gate] for reads, gate in self.sums]
        inputs += states
        inputs += [v.expand_as(inputs[0]) for v in self.vectors if v is not None]
        if masks is not None:
            inputs += masks.unbind(1)
        values = evaluate(self.program.operations, inputs, FUNCTIONS, self.constant)
        after = [values[output] for output in self.program.outputs]
        if self.w_hr is not None:
            after[0] = linear(after[0], self.w_hr)
        return after


def _part(states: Maybe, d: int) -> Maybe:
    return None if states is None else states[d]


def _initial(step: _Step, x: Tensor, h0: Maybe, c0: Maybe) -> list[Tensor]:
    """Give every state before the first step."""
    cell, batch = step.cell, x.shape[1]
    assert step.w_ih is not None
    hidden = step.w_ih.shape[0] // cell.gate_count
    width = hidden if step.w_hr is None else step.w_hr.shape[0]
    given: list[Maybe] = [h0]
    if c0 is None:
        given += [None] * cell.extra_states
    else:
        given += [c0] if cell.extra_states == 1 else list(c0.unbind(1))
    return [
        x.new_full((batch, hidden if k else width), cell.initial.get(letter, 0.0))
        if state is None
        else state
        for k, (letter, state) in enumerate(zip(cell.states, given, strict=True))
    ]


def _run_direction(
    step: _Step,
    x: Tensor,
    initial: list[Tensor],
    alive: Maybe,
    start: Maybe,
    *,
    reverse: bool,
) -> tuple[Tensor, list[Tensor]]:
    """Give the output of every step, and the states after the last."""
    if reverse and start is not None:
        # Read from the end, a sequence starts again at the last step of each piece.
        start = torch.cat([start[1:], torch.zeros_like(start[:1])])
    from_x, states, outputs = step.from_input(x), initial, []
    for t in reversed(range(len(x))) if reverse else range(len(x)):
        if start is not None:
            # Steps beyond the end must not restart a state that is already final.
            here = start[t] if alive is None else start[t] & alive[t]
            states = [torch.where(here, *pair) for pair in zip(initial, states, strict=True)]
        after = step(t, from_x[t], states)
        if alive is None:
            states = after
            outputs.append(after[0])
        else:
            here = alive[t]
            states = [torch.where(here, *pair) for pair in zip(after, states, strict=True)]
            outputs.append(torch.where(here, after[0], torch.zeros_like(after[0])))
    return torch.stack(outputs[::-1] if reverse else outputs), states
