"""Calls of one layer that pass its state on form one sequence: found, and put together along time.

Where torch recorded a graph, it says exactly which call a state came from, whatever was done to it
in between. Without a graph the numbers have to tell. A loop may change a part of the state between
two calls (padding masks, zoneout, episodes that end, batches that shrink) but hardly ever all of
it, so that some row or element still is what an earlier call ended with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from glasscell.arrays import Array
from glasscell.traces.layer import LayerTrace
from glasscell.traces.layout import from_kernel, to_time_major
from glasscell.traces.shown import Shown
from glasscell.traces.steps import initial_state

__all__ = ["Joined", "Links", "last_chain", "link_calls"]

State: TypeAlias = tuple[Array, ...]
"""Hidden state (B, P) and the cell's other states: of an LSTM the cell state (B, H)."""

Links: TypeAlias = list[int | None]
"""For each call the index of the call that it continues; None where it begins a sequence."""

SHARE = 0.05
"""Share of a state's elements that must equal those which a call ended with. Unrelated states agree
in 0 and ±1 alone, which do not count; zoneout and dropout leave most elements as they are."""


def last_chain(links: Links, reached: Sequence[bool] | None = None) -> list[int]:
    """Give the calls of the last sequence.

    Args:
        links: What `link_calls` gave.
        reached: Which calls a gradient came back to; the last sequence with such a call is given.
            Default, and where there is none: The last sequence of all.

    Returns:
        Indices in the order of time.

    >>> last_chain([None, 0, None, 1, 2]), last_chain([None, 0, None], [True, False, False])
    ([2, 4], [0, 1])
    """
    end: int | None = len(links) - 1
    if reached is not None:
        with_gradient = list(reached)
        for k, before in enumerate(links):
            with_gradient[k] |= before is not None and with_gradient[before]
        end = max((k for k, yes in enumerate(with_gradient) if yes), default=end)
    chain: list[int] = []
    while end is not None:
        chain.append(end)
        end = links[end]
    return chain[::-1]


def link_calls(
    calls: Sequence[LayerTrace], known: Sequence[int | None], cell: bool
) -> tuple[Links, bool]:
    """Find out which call each call continues.

    Args:
        calls: Runs of one layer in the order of time.
        known: For each call the one that torch's graph leads to, None where it leads to none.
        cell: Whether they are steps of a cell, which nearly always form a loop.

    Returns:
        The links; and whether they rest on the order of the calls alone. That is so for a cell none
        of whose calls begins with anything that another one ended with: it is taken for one loop.
    """
    links: Links = []
    rows = _Rows()
    for k, call in enumerate(calls):
        before = known[k]
        if before is None:
            before = _by_value(calls, k, rows)
        joins = before is not None and _joinable(calls[before], call)
        links.append(before if joins else None)
    if cell and len(calls) > 1 and links == [None] * len(calls):
        links = [None, *(_by_order(calls, k) for k in range(1, len(calls)))]
        return links, any(before is not None for before in links)
    return links, False


def began(call: LayerTrace) -> State | None:
    """Give the state that a call was given, None for none."""
    if call.initial_hidden is None:
        return None
    rows = len(call.initial_hidden)
    others = [initial_state(call, name) for name in _others(call)]
    return call.initial_hidden, *(np.broadcast_to(s, (rows, s.shape[1])) for s in others)


def ended(call: LayerTrace) -> State:
    """Give the state that a dense call ended with."""
    parts = (call.hidden, *(call.quantity(name) for name in _others(call)))
    return tuple(to_time_major(part, call.layout)[-1] for part in parts)


def _others(call: LayerTrace) -> list[str]:
    """Names of the states beside the hidden one."""
    return list(call.recurrence.state_names[1:])


def same_rows(left: Array, right: Array) -> Array:
    """(B,): which rows are equal. NaN equals NaN, so that a loop that overflows is still one."""
    equal = (left == right) | ((left != left) & (right != right))
    return np.asarray(equal.all(axis=1))


def same(left: State, right: State) -> bool:
    """Tell whether two states are equal; NaN equals NaN."""
    # Most are, to the bit, and bytes are compared ten times as fast as numbers.
    return all(
        one.shape == other.shape
        and (one.tobytes() == other.tobytes() or bool(same_rows(one, other).all()))
        for one, other in zip(left, right, strict=True)
    )


def _joinable(earlier: LayerTrace, later: LayerTrace) -> bool:
    """Whether two calls can stand in one time-major array, each row one sequence.

    Packed, ragged and reverse calls cannot: their states do not lie at the two ends of an array.
    """
    for call in (earlier, later):
        if call.layout == "NH" or call.reverse or call.lengths is not None:
            return False
    return earlier.layout == later.layout and later.anew is None and began(later) is not None


def _by_value(calls: Sequence[LayerTrace], k: int, rows: _Rows) -> int | None:
    state = began(calls[k])
    if not k or state is None or "NH" in (calls[k - 1].layout, calls[k].layout):
        return None
    if _is_beginning(calls, state):
        return None
    if same(ended(calls[k - 1]), state):
        return k - 1
    rows.read(calls, k)
    source = rows.find(state)
    if source is None:
        return k - 1 if _resemble(ended(calls[k - 1]), state) else None
    if same(ended(calls[source]), state):
        return source  # the calls in between were tried from here too, and given up
    # Where a mask drops all that a call gave, the next call begins with the state that the dropped
    # one began with, and its rows may come from several calls: they still are one sequence.
    before = began(calls[k - 1])
    return k - 1 if before is not None and same(before, state) else source


def _is_beginning(calls: Sequence[LayerTrace], state: State) -> bool:
    """Whether a state starts a sequence, because it is what starts one by itself: all zeros.

    A ReLU layer can also end with all units at 0. A loop that starts its sequences without any
    state passes zeros on only when a call gave them; so zeros start a sequence only where the first
    call, too, was given a state.
    """
    cell = calls[0].recurrence
    own = (cell.initial.get(letter, 0.0) for letter in cell.states)
    return calls[0].initial_hidden is not None and all(
        (part == number).all() for part, number in zip(state, own, strict=True)
    )


def _by_order(calls: Sequence[LayerTrace], k: int) -> int | None:
    state, first = began(calls[k]), began(calls[0])
    if state is None or _is_beginning(calls, state) or not _joinable(calls[k - 1], calls[k]):
        return None
    if len(state[0]) > len(ended(calls[k - 1])[0]) or (first is not None and same(first, state)):
        return None
    return k - 1


def _telling(part: Array) -> Array:
    """Which elements tell one state from another: not 0, NaN or ∞, nor ±1, where tanh saturates."""
    size = np.abs(part)
    return np.asarray(np.isfinite(part) & (size != 0) & (size != 1))


def _resemble(end: State, state: State) -> bool:
    """Whether a state still has some of the elements that a call ended with."""
    for left, right in zip(end, state, strict=True):
        count = min(len(left), len(right))
        left, right = left[:count], right[:count]
        telling = _telling(right)
        if left.shape == right.shape and (left == right)[telling].sum() > SHARE * telling.sum():
            return True
    return False


class _Rows:
    """The rows of the states that calls ended with, to be found by their numbers."""

    def __init__(self) -> None:
        self._read = 0
        self._last: dict[tuple[int, bytes], int] = {}

    def read(self, calls: Sequence[LayerTrace], stop: int) -> None:
        """Take in all calls before `stop`."""
        for k in range(self._read, stop):
            if calls[k].layout != "NH":
                self._last |= dict.fromkeys(_keys(ended(calls[k])), k)
        self._read = stop

    def find(self, state: State) -> int | None:
        """Give the latest call that any row of a state comes from."""
        # Not the call that most rows come from: where each row advances only now and then, as with
        # skipped steps, most rows are older than the latest call.
        return max((self._last[key] for key in _keys(state) if key in self._last), default=None)


def _keys(state: State) -> Iterator[tuple[int, bytes]]:
    for which, part in enumerate(state):
        for row in part[_telling(part).any(axis=1)]:
            yield which, row.tobytes()


class Joined:
    """One chain of calls as one run of T steps over all sequences that take part in it.

    Each sequence keeps its row. Where a call has fewer rows than the one before it, some sequences
    have ended, as in a packed batch; where it has more, new ones begin. Which ones, the numbers
    tell; where they do not, it is the last rows.

    Args:
        calls: One chain in the order of time, dense and forward, at least one call.
        of: How many calls of the layer there were.
        presumed: See `Shown`.
    """

    def __init__(self, calls: Sequence[LayerTrace], of: int, presumed: bool = False) -> None:
        self._calls, self._of, self._presumed = calls, of, presumed

    @cached_property
    def _states(self) -> list[tuple[State, State]]:
        """The state that each call began with, and that which it ended with."""
        first = self._calls[0]
        names, ends = first.recurrence.state_names, ended(first)
        blank = replace(first, initial_hidden=None, initial_cell=None)
        own = [initial_state(blank, name) for name in names]
        start = tuple(np.broadcast_to(s, e.shape) for s, e in zip(own, ends, strict=True))
        return [(began(call) or start, ended(call)) for call in self._calls]

    @cached_property
    def _sources(self) -> list[Array]:
        """For each call but the first, the row of the one before that each row continues, or -1."""
        pairs = zip(self._states, self._states[1:], strict=False)
        return [_sources(end, begin) for (_, end), (begin, _) in pairs]

    @cached_property
    def _rows(self) -> list[Array]:
        """For each call, the sequence that each of its rows belongs to."""
        rows = [np.arange(len(self._states[0][1][0]))]
        batch = len(rows[0])
        for sources in self._sources:
            if len(sources) == len(rows[-1]):
                rows.append(rows[-1])
                continue
            new = sources < 0
            sequences = rows[-1][sources]
            sequences[new] = batch + np.arange(new.sum())
            batch += int(new.sum())
            rows.append(sequences)
        return rows

    @cached_property
    def _batch(self) -> int:
        return 1 + max(int(rows.max(initial=-1)) for rows in self._rows)

    @cached_property
    def _steps(self) -> Array:
        """At which step each call begins, and T."""
        counts = [to_time_major(call.hidden, call.layout).shape[0] for call in self._calls]
        return np.cumsum([0, *counts])

    def along_time(self, parts: Sequence[Array]) -> Array:
        """Put arrays of all calls together, 0 where a sequence is not there.

        Args:
            parts: (T_k, B_k, ·) of each call.

        Returns:
            (T, B, ·); what a single call had, as it is.
        """
        if len(parts) == 1:
            return parts[0]
        if all(len(rows) == self._batch for rows in self._rows):
            return np.concatenate(parts)
        shape = self._steps[-1], self._batch, *parts[0].shape[2:]
        whole = np.zeros(shape, np.result_type(*parts))
        for part, rows, first in zip(parts, self._rows, self._steps[:-1], strict=True):
            whole[first : first + len(part), rows] = part
        return whole

    def trace(self, used: Array | None = None) -> LayerTrace:
        """Give the chain as a trace.

        Args:
            used: (T, B), steps that a gradient came back to, which therefore belong to their
                sequences whatever the numbers say; default: not known.

        Returns:
            `LayerTrace` of copied arrays; a single call's are its own. `lengths` tells of sequences
            that end before the last call: their rows are missing from then on, or a padding mask
            no longer lets the calls change their state. `reset` is where a row begins once more
            with the state that it began with at first, as at the end of an episode.
        """
        first, count = self._calls[0], len(self._calls)
        if count == 1:
            return first if self._of == 1 else replace(first, shown=Shown(1, self._of))
        anew, held, kept = self._between
        starts, ends = self._extent(held, used)
        altered = self._altered(kept | anew[..., None], ends)
        shown = Shown(count, self._of, self._presumed, altered)
        reset = np.zeros((self._steps[-1], self._batch), dtype=bool)
        reset[self._steps[1:-1]] = anew
        if first.anew is not None:
            reset[: len(first.anew), : first.anew.shape[1]] |= first.anew
        begins = self._begins if starts.any() else began(first)
        return self._whole(
            initial_hidden=None if begins is None else begins[0],
            initial_cell=None if begins is None else _one_array(begins[1:]),
            lengths=None if (ends - starts == self._steps[-1]).all() else ends - starts,
            starts=starts if starts.any() else None,
            anew=reset if reset.any() else None,
            shown=shown if shown.noted or altered else None,
        )

    def _whole(self, **changes: Any) -> LayerTrace:
        """All calls as one trace."""
        first = self._calls[0]
        others = [call.by_step() for call in self._calls]

        def along_time(place: int) -> Array:
            parts = [to_time_major(arrays[place], first.layout) for arrays in others]
            return from_kernel(self.along_time(parts), first.layout)

        places = iter(range(len(others[0])))
        return first.each(lambda _: along_time(next(places)), **changes)

    @cached_property
    def _begins(self) -> State:
        """(B, ·): the state that each sequence was given at its start."""
        ends = self._states[0][1]
        begins = tuple(np.zeros((self._batch, part.shape[1]), part.dtype) for part in ends)
        new = [self._rows[0] >= 0, *(sources < 0 for sources in self._sources)]
        for rows, starting, (begin, _) in zip(self._rows, new, self._states, strict=True):
            for whole, part in zip(begins, begin, strict=True):
                whole[rows[starting]] = part[starting]
        return begins

    @cached_property
    def _between(self) -> tuple[Array, Array, Array]:
        """What happened to each sequence between one call and the next.

        Returns:
            For each pair of calls, whether the sequence began anew (K - 1, B); whether the earlier
            call's result was dropped and the later one begins where that one began (K - 1, B); and
            whether each of the states was passed on as it was (K - 1, B, states).
        """
        shape = len(self._calls) - 1, self._batch
        anew, held = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        kept = np.ones((*shape, len(self._states[0][1])), dtype=bool)
        for k, sources in enumerate(self._sources):
            (earlier, end), (begin, _) = self._states[k], self._states[k + 1]
            if same(end, begin):
                continue
            going = np.flatnonzero(sources >= 0)
            rows, came_from = self._rows[k + 1][going], sources[going]
            now = [part[going] for part in begin]
            for part, (left, right) in enumerate(zip(now, end, strict=True)):
                kept[k, rows, part] = same_rows(left, right[came_from])
            lost = ~kept[k, rows].all(axis=1)
            if lost.any():
                anew[k, rows] = lost & _all_same(now, [part[rows] for part in self._begins])
                dropped = _all_same(now, [part[came_from] for part in earlier])
                held[k, rows] = lost & dropped & ~anew[k, rows]
        return anew, held, kept

    def _extent(self, held: Array, used: Array | None) -> tuple[Array, Array]:
        """(B,) and (B,): the step at which each sequence begins, and that before which it ends."""
        steps, there = self._steps, np.zeros((len(self._calls), self._batch), dtype=bool)
        for k, rows in enumerate(self._rows):
            there[k, rows] = True
        first = np.argmax(there, axis=0)
        last = first + there.sum(axis=0)
        # A padding mask that has shut stays shut: the sequence is over. A mask that opens again
        # only skips steps, and the sequence goes on.
        if not (held[:-1] & there[2:] & ~held[1:]).any():
            last = np.where(held.any(axis=0), np.argmax(held, axis=0), last)
        ends = steps[last]
        if used is not None:
            counts = steps[-1] - np.argmax(used[::-1], axis=0)
            ends = np.where(used.any(axis=0), np.maximum(ends, counts), ends)
        return steps[first].astype(np.int64), np.asarray(ends, dtype=np.int64)

    def _altered(self, handed: Array, ends: Array) -> tuple[str, ...]:
        """What the caller changed between two calls in a sequence that went on."""
        went_on = self._steps[1:-1, None] < ends
        changed = ~handed & went_on[..., None]
        names = enumerate(self._calls[0].recurrence.state_names)
        return tuple(name for which, name in names if changed[..., which].any())


def _one_array(states: State) -> Array | None:
    """The states beside the hidden one as the kernels have them: (B, H), or (B, S, H)."""
    if len(states) < 2:
        return states[0] if states else None
    return np.stack(states, axis=1)


def _all_same(left: Sequence[Array], right: Sequence[Array]) -> Array:
    equal = [same_rows(*pair) for pair in zip(left, right, strict=True)]
    return np.asarray(np.all(equal, axis=0))


def _sources(end: State, begin: State) -> Array:
    """For each row of a state that a call began with, the row of `end` that it continues, or -1."""
    before, count = len(end[0]), len(begin[0])
    if count == before:
        return np.arange(count)
    for left, right in zip(end, begin, strict=True):
        places = {row.tobytes(): k for k, row in enumerate(left)}
        sources = np.array([places.get(row.tobytes(), -1) for row in right])
        repeated = np.ones(count, dtype=bool)
        repeated[np.unique(sources, return_index=True)[1]] = False
        sources[repeated] = -1
        known = sources[sources >= 0]
        # The numbers tell only if every row has its place, in the order of before.
        if len(known) == min(before, count) and (np.diff(known) > 0).all():
            return sources
    # They do not: rows leave and join at the end of the batch.
    return np.where(np.arange(count) < before, np.arange(count), -1)
