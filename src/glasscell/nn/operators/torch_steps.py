"""The operators in torch's own operations, from the cell's program: for whatever has no kernel.

Forward-mode derivatives, derivatives of the backward pass and graphs that must run without
glasscell come through here. The reverse pass is written out, not left to autograd, so that every
transform of torch finds plain operations in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

from glasscell.cells import Cell
from glasscell.cells.evaluate import evaluate
from glasscell.nn.names import ROLES
from glasscell.nn.operators.schema import (
    Backward,
    Forward,
    Maybe,
    cell_of,
    kind_of,
    members_of,
    roles,
)
from glasscell.nn.torch_loop import FUNCTIONS, constants

__all__ = ["backward_in_torch", "layer_in_torch"]


def _values(operations: Any, inputs: Sequence[Tensor]) -> list[Tensor]:
    return evaluate(operations, inputs, FUNCTIONS, constants())


def _where(mask: Maybe, one: Tensor, other: Tensor) -> Tensor:
    """Choose by a mask (B, 1); without one all of `one`."""
    return one if mask is None else torch.where(mask, one, other)


def _numbers(cell: Cell, w_ih: Maybe, x: Tensor) -> Maybe:
    """Give the numbers that masks are outside training as masks (1, B, N, H)."""
    if not cell.program.masks:
        return None
    assert w_ih is not None
    shape = 1, x.shape[1], w_ih.shape[0] // cell.gate_count
    each = [cell.masks[letter].evaluation for letter in cell.program.masks]
    return torch.stack([x.new_full(shape, number) for number in each], 2)


class _Step:
    """What one step read and made, for the reverse pass."""

    def __init__(self, before: list[Tensor], values: list[Tensor]) -> None:
        self.before, self.values = before, values


class _Direction:
    """One direction of a layer over (T, B, I).

    Args:
        cell: Whose step it is.
        weights: weight_ih, weight_hh, bias_ih, bias_hh, weight_hr; None where there is none; then
            the cell's vectors.
        x: (T, B, I).
        ends: lengths (B,) and reset (T, B), or None.
        masks: (T or 1, B, N, H); None outside training.
        backwards: Whether it reads from the end.
    """

    def __init__(
        self,
        cell: Cell,
        weights: Sequence[Maybe],
        x: Tensor,
        ends: tuple[Maybe, Maybe],
        masks: Maybe,
        *,
        backwards: bool,
    ) -> None:
        self.program, self.reverse, self.gates = cell.program, cell.reverse, list(cell.gates)
        self.x = x
        self.w_ih, self.w_hh, self.b_ih, self.b_hh, self.w_hr = weights[: len(ROLES)]
        self.vectors = [v for v in weights[len(ROLES) :] if v is not None]
        self.masks = _numbers(cell, weights[0], x) if masks is None else masks
        of_h = cell.hidden_mask
        self.hidden_mask = None if of_h is None else self.program.masks.index(of_h)
        times = range(x.shape[0])
        self.times = list(reversed(times)) if backwards else list(times)
        lengths, reset = ends
        self.alive: Maybe = None
        self.start: Maybe = None
        if lengths is not None:
            clock = torch.arange(x.shape[0], device=x.device)
            self.alive = (clock[:, None] < lengths)[..., None]
        if reset is not None:
            # Read from the end, a sequence starts again at the last step of each piece. Steps
            # beyond the end must not restart a state that is already final.
            late = torch.cat([reset[1:], torch.zeros_like(reset[:1])]) if backwards else reset
            self.start = late[..., None] if self.alive is None else late[..., None] & self.alive

    def _at(self, mask: Maybe, t: int) -> Maybe:
        return None if mask is None else mask[t]

    def run(self, initial: list[Tensor]) -> tuple[Tensor, list[Tensor], list[_Step]]:
        """Give output (T, B, P), final states, and every step in the order of time."""
        assert self.w_ih is not None
        from_x = linear(self.x, self.w_ih, self.b_ih)
        states, outputs, steps = initial, [], []
        for t in self.times:
            if self.start is not None:
                start = self.start[t]
                states = [_where(start, s0, s) for s0, s in zip(initial, states, strict=True)]
            inputs = [*self._sums(from_x[t], self._reads(t, states[0])), *states]
            inputs += self._given(t, inputs[0])
            values = _values(self.program.operations, inputs)
            after = [values[k] for k in self.program.outputs]
            if self.w_hr is not None:
                after[0] = linear(after[0], self.w_hr)
            alive = self._at(self.alive, t)
            steps.append(_Step(states, values))
            outputs.append(_where(alive, after[0], torch.zeros_like(after[0])))
            states = [_where(alive, new, s) for new, s in zip(after, states, strict=True)]
        back = self.times[0] != 0
        return torch.stack(outputs[::-1] if back else outputs), states, steps

    def _masks(self, t: int) -> tuple[Tensor, ...]:
        """Give the masks of step t, (B, H) each."""
        if self.masks is None:
            return ()
        return self.masks[t if self.masks.shape[0] > 1 else 0].unbind(1)

    def _given(self, t: int, like: Tensor) -> list[Tensor]:
        """Give what a step reads beside sums and states."""
        return [*(v.expand_as(like) for v in self.vectors), *self._masks(t)]

    def _masked(self, t: int, h: Tensor) -> Tensor:
        """Give h_{t-1} as the product with R reads it."""
        return h if self.hidden_mask is None else h * self._masks(t)[self.hidden_mask]

    def _reads(self, t: int, h: Tensor) -> Maybe:
        """Give R h + b_hh, None without R."""
        return None if self.w_hh is None else linear(self._masked(t, h), self.w_hh, self.b_hh)

    def _sums(self, from_x: Tensor, from_h: Maybe) -> list[Tensor]:
        count = len(self.gates)
        parts = {"x": from_x.chunk(count, -1)}
        if from_h is not None:
            parts["h"] = from_h.chunk(count, -1)
        sums = []
        for gate, reads in self.program.sums:
            each = [parts[letter][self.gates.index(gate)] for letter in reads]
            sums.append(each[0] if len(each) == 1 else each[0] + each[1])
        return sums

    def gradients(
        self, initial: list[Tensor], dy: Maybe, final: list[Tensor]
    ) -> tuple[Tensor, list[Tensor], list[Maybe]]:
        """Give the gradients of x, the initial states and the weights.

        Args:
            initial: States before the first step.
            dy: Gradient of the output (T, B, P), None for zero.
            final: Gradients of the final states.
        """
        assert self.w_ih is not None
        _, _, steps = self.run(initial)
        d_initial = [torch.zeros_like(s) for s in initial]
        after = final
        by_time: dict[int, tuple[Tensor, ...]] = {}
        for t, step in zip(reversed(self.times), reversed(steps), strict=True):
            alive, start = self._at(self.alive, t), self._at(self.start, t)
            arriving = [_where(alive, d, torch.zeros_like(d)) for d in after]
            if dy is not None:
                arriving[0] = arriving[0] + _where(alive, dy[t], torch.zeros_like(dy[t]))
            dx_sums, dh_sums, before, own = self._step_back(t, step, arriving)
            if alive is not None:
                before = [
                    torch.where(alive, d, passed) for d, passed in zip(before, after, strict=True)
                ]
            by_time[t] = dx_sums, dh_sums, self._masked(t, step.before[0]), arriving[0], *own
            if start is not None:
                zeros = [torch.zeros_like(d) for d in before]
                d_initial = [
                    total + torch.where(start, d, zero)
                    for total, d, zero in zip(d_initial, before, zeros, strict=True)
                ]
                before = [torch.where(start, z, d) for d, z in zip(before, zeros, strict=True)]
            after = before
        d_initial = [total + d for total, d in zip(d_initial, after, strict=True)]
        dx_sums, dh_sums, h_before, dh, *vectors = (
            torch.stack([by_time[t][k] for t in range(len(by_time))]).flatten(0, 1)
            for k in range(4 + len(self.vectors))
        )
        dw_hr = None
        if self.w_hr is not None:
            of_time = dict(zip(self.times, steps, strict=True))
            unprojected = [of_time[t].values[self.program.outputs[0]] for t in range(len(steps))]
            dw_hr = dh.T @ torch.stack(unprojected).flatten(0, 1)
        dx = (dx_sums @ self.w_ih).view(self.x.shape)
        weights = [
            dx_sums.T @ self.x.flatten(0, 1),
            None if self.w_hh is None else dh_sums.T @ h_before,
            None if self.b_ih is None else dx_sums.sum(0),
            None if self.b_hh is None else dh_sums.sum(0),
            dw_hr,
            *(d.sum(0) for d in vectors),
        ]
        return dx, d_initial, weights

    def _step_back(
        self, t: int, step: _Step, arriving: list[Tensor]
    ) -> tuple[Tensor, Tensor, list[Tensor], list[Tensor]]:
        """Give the gradients of W x + b_ih, R h + b_hh, the states before step t, the vectors."""
        d_after = list(arriving)
        if self.w_hr is not None:
            d_after[0] = d_after[0] @ self.w_hr
        reverse = self.reverse
        kept = [step.values[k] for k in reverse.kept]
        given = self._given(t, d_after[0])
        values = _values(reverse.operations, [*kept, *step.before, *given, *d_after])
        zero = torch.zeros_like(step.values[self.program.outputs[0]])
        found = [zero if k < 0 else values[k].expand_as(zero) for k in reverse.outputs]
        split = len(self.program.sums), len(self.program.sums) + len(step.before)
        sums, direct, vectors = found[: split[0]], found[split[0] : split[1]], found[split[1] :]
        parts = {}
        for letter in "xh":
            of_gate = {
                gate: d
                for (gate, reads), d in zip(self.program.sums, sums, strict=True)
                if letter in reads
            }
            parts[letter] = torch.cat([of_gate.get(gate, zero) for gate in self.gates], -1)
        if self.w_hh is not None:
            through = self._masked(t, parts["h"] @ self.w_hh)
            direct[0] = through if self.w_hr is not None else direct[0] + through
        return parts["x"], parts["h"], direct, vectors


def _stacked(parts: Iterable[Sequence[Tensor]]) -> list[Tensor]:
    return [torch.stack(each) for each in zip(*parts, strict=True)]


def _directions(call: Forward) -> list[tuple[_Direction, list[Tensor]]]:
    """Give each direction, and the states before its first step."""
    found = []
    cell, kind, batch = cell_of(call.cell), kind_of(call), call.x.shape[1]
    first, *others = [cell.initial.get(letter, 0.0) for letter in cell.states]
    for d, own in enumerate(roles(call)):
        masks = None if call.masks is None else call.masks[d]
        one = _Direction(cell, own, call.x, (call.lengths, call.reset), masks, backwards=d == 1)
        h0 = call.x.new_full((batch, kind.width), first) if call.h0 is None else call.h0[d]
        if call.c0 is None:
            more = [call.x.new_full((batch, kind.hidden), number) for number in others]
        else:
            more = list(call.c0[d].chunk(kind.states, -1))
        found.append((one, [h0, *more]))
    return found


def layer_in_torch(call: Forward) -> list[Tensor]:
    """Give what ``glasscell::layer`` gives, without what it keeps.

    >>> w, x = torch.full((1, 1), 0.5), torch.ones(2, 1, 1)
    >>> layer_in_torch(Forward(x, None, None, [w, w], "RNN_RELU", 1))[0].flatten()
    tensor([0.5000, 0.7500])
    """
    if call.x.dim() == 4:
        return _stacked(map(layer_in_torch, members_of(call)))
    results = [one.run(initial) for one, initial in _directions(call)]
    output = torch.cat([y for y, _, _ in results], -1)
    final = [torch.stack([states[0] for _, states, _ in results])]
    if len(results[0][1]) > 1:
        final.append(torch.stack([torch.cat(states[1:], -1) for _, states, _ in results]))
    return [output, *final]


def backward_in_torch(call: Backward) -> list[Tensor]:
    """Give what ``glasscell::layer_backward`` gives where every gradient is needed."""
    if call.x.dim() == 4:
        return _stacked(map(backward_in_torch, members_of(call)))
    dx, dh0, dc0, d_weights = list[Tensor](), list[Tensor](), list[Tensor](), list[Tensor]()
    for d, (one, initial) in enumerate(_directions(call.forward)):
        final = [torch.zeros_like(state) for state in initial]
        if call.dh_n is not None:
            final[0] = call.dh_n[d]
        if call.dc_n is not None:
            final[1:] = call.dc_n[d].chunk(len(initial) - 1, -1)
        part = slice(d * initial[0].shape[-1], (d + 1) * initial[0].shape[-1])
        own = None if call.dy is None else call.dy[..., part]
        by_x, by_states, by_weights = one.gradients(initial, own, final)
        dx.append(by_x)
        dh0.append(by_states[0])
        dc0.append(torch.cat(by_states[1:], -1) if len(initial) > 1 else by_x.new_zeros(0))
        d_weights += [weight for weight in by_weights if weight is not None]
    total = dx[0] if len(dx) == 1 else dx[0] + dx[1]
    return [total, torch.stack(dh0), torch.stack(dc0), *d_weights]
