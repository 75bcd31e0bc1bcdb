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

from glasscell import cells
from glasscell.cells.evaluate import evaluate
from glasscell.nn.operators.schema import Backward, Forward, Maybe, members_of, roles
from glasscell.nn.torch_loop import FUNCTIONS, constants

__all__ = ["backward_in_torch", "layer_in_torch"]


def _values(operations: Any, inputs: Sequence[Tensor]) -> list[Tensor]:
    return evaluate(operations, inputs, FUNCTIONS, constants())


def _where(mask: Maybe, one: Tensor, other: Tensor) -> Tensor:
    """Choose by a mask (B, 1); without one all of `one`."""
    return one if mask is None else torch.where(mask, one, other)


class _Step:
    """What one step read and made, for the reverse pass."""

    def __init__(self, before: list[Tensor], values: list[Tensor]) -> None:
        self.before, self.values = before, values


class _Direction:
    """One direction of a layer over (T, B, I).

    Args:
        cell: Name of the cell.
        weights: weight_ih, weight_hh, bias_ih, bias_hh, weight_hr; None where there is none.
        x: (T, B, I).
        masks: lengths (B,) and reset (T, B), or None.
        backwards: Whether it reads from the end.
    """

    def __init__(
        self,
        cell: str,
        weights: Sequence[Maybe],
        x: Tensor,
        masks: tuple[Maybe, Maybe],
        *,
        backwards: bool,
    ) -> None:
        found = cells.of(cell)
        self.program, self.reverse, self.gates = found.program, found.reverse, list(found.gates)
        self.x = x
        self.w_ih, self.w_hh, self.b_ih, self.b_hh, self.w_hr = weights
        times = range(x.shape[0])
        self.times = list(reversed(times)) if backwards else list(times)
        lengths, reset = masks
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
        assert self.w_hh is not None
        from_x = linear(self.x, self.w_ih, self.b_ih)
        states, outputs, steps = initial, [], []
        for t in self.times:
            if self.start is not None:
                start = self.start[t]
                states = [_where(start, s0, s) for s0, s in zip(initial, states, strict=True)]
            from_h = linear(states[0], self.w_hh, self.b_hh)
            inputs = [*self._sums(from_x[t], from_h), *states]
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

    def _sums(self, from_x: Tensor, from_h: Tensor) -> list[Tensor]:
        count = len(self.gates)
        parts = {"x": from_x.chunk(count, -1), "h": from_h.chunk(count, -1)}
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
        assert self.w_hh is not None
        _, _, steps = self.run(initial)
        d_initial = [torch.zeros_like(s) for s in initial]
        after = final
        by_time: dict[int, tuple[Tensor, Tensor, Tensor, Tensor]] = {}
        for t, step in zip(reversed(self.times), reversed(steps), strict=True):
            alive, start = self._at(self.alive, t), self._at(self.start, t)
            arriving = [_where(alive, d, torch.zeros_like(d)) for d in after]
            if dy is not None:
                arriving[0] = arriving[0] + _where(alive, dy[t], torch.zeros_like(dy[t]))
            dx_sums, dh_sums, before = self._step_back(step, arriving)
            if alive is not None:
                before = [
                    torch.where(alive, d, passed) for d, passed in zip(before, after, strict=True)
                ]
            by_time[t] = dx_sums, dh_sums, step.before[0], arriving[0]
            if start is not None:
                zeros = [torch.zeros_like(d) for d in before]
                d_initial = [
                    total + torch.where(start, d, zero)
                    for total, d, zero in zip(d_initial, before, zeros, strict=True)
                ]
                before = [torch.where(start, z, d) for d, z in zip(before, zeros, strict=True)]
            after = before
        d_initial = [total + d for total, d in zip(d_initial, after, strict=True)]
        dx_sums, dh_sums, h_before, dh = (
            torch.stack([by_time[t][k] for t in range(len(by_time))]).flatten(0, 1)
            for k in range(4)
        )
        dw_hr = None
        if self.w_hr is not None:
            of_time = dict(zip(self.times, steps, strict=True))
            unprojected = [of_time[t].values[self.program.outputs[0]] for t in range(len(steps))]
            dw_hr = dh.T @ torch.stack(unprojected).flatten(0, 1)
        dx = (dx_sums @ self.w_ih).view(self.x.shape)
        weights = [
            dx_sums.T @ self.x.flatten(0, 1),
            dh_sums.T @ h_before,
            None if self.b_ih is None else dx_sums.sum(0),
            None if self.b_hh is None else dh_sums.sum(0),
            dw_hr,
        ]
        return dx, d_initial, weights

    def _step_back(
        self, step: _Step, arriving: list[Tensor]
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Give the gradients of W x + b_ih, of R h + b_hh, and of the states before a step."""
        assert self.w_hh is not None
        d_after = list(arriving)
        if self.w_hr is not None:
            d_after[0] = d_after[0] @ self.w_hr
        reverse = self.reverse
        kept = [step.values[k] for k in reverse.kept]
        values = _values(reverse.operations, [*kept, *step.before, *d_after])
        found = [None if k < 0 else values[k] for k in reverse.outputs]
        zero = torch.zeros_like(step.values[self.program.outputs[0]])
        sums = [zero if d is None else d.expand_as(zero) for d in found[: len(self.program.sums)]]
        parts = {}
        for letter in "xh":
            of_gate = {
                gate: d
                for (gate, reads), d in zip(self.program.sums, sums, strict=True)
                if letter in reads
            }
            parts[letter] = torch.cat([of_gate.get(gate, zero) for gate in self.gates], -1)
        direct = found[len(self.program.sums) :]
        before = [
            torch.zeros_like(s) if d is None else d
            for s, d in zip(step.before, direct, strict=False)
        ]
        before[0] = before[0] + parts["h"] @ self.w_hh
        return parts["x"], parts["h"], before


def _stacked(parts: Iterable[Sequence[Tensor]]) -> list[Tensor]:
    return [torch.stack(each) for each in zip(*parts, strict=True)]


def _directions(call: Forward) -> list[tuple[_Direction, list[Tensor]]]:
    """Give each direction, and the states before its first step."""
    found = []
    states = cells.of(call.cell).extra_states
    masks = call.lengths, call.reset
    for d, own in enumerate(roles(call.directions, call.weights)):
        one = _Direction(call.cell, own, call.x, masks, backwards=d == 1)
        batch, hidden = call.x.shape[1], own[1].shape[0] // len(one.gates)
        initial = [call.x.new_zeros(batch, own[1].shape[1]) if call.h0 is None else call.h0[d]]
        if states:
            c0 = call.x.new_zeros(batch, states * hidden) if call.c0 is None else call.c0[d]
            initial += c0.chunk(states, -1)
        found.append((one, initial))
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
