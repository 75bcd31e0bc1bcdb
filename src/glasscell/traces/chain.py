"""Calls of one layer that hand on its state are one sequence: which they are, put together.

torch's graph says so exactly, where there is one: the state that a call began with leads back to
the call that it was made from, whatever lies between. Without a graph the numbers have to say it. A
loop may change a part of its state between two calls (a padding mask, zoneout, an episode that
ends, a batch that shrinks), never all of it: some row or element is still what a call ended with.
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

__all__ = ["Followed", "Joined", "followed", "last_chain"]

ARRAYS = ("forget", "input", "candidate", "output", "cell", "hidden", "x")

State: TypeAlias = tuple[Array, ...]
"""Hidden state (B, P) and, of an LSTM, cell state (B, H)."""

Followed: TypeAlias = list[int | None]
"""Of each call, which one it continues; None where it begins a sequence."""

SHARE = 0.05
"""Of the elements of a state that must be what a call ended with. Two unrelated states share none,
but for 0 and ±1, which do not count; zoneout and dropout leave most as they are."""


def last_chain(found: Followed, reached: Sequence[bool] | None = None) -> list[int]:
    """Give the calls of the last sequence.

    Args:
        found: what `followed` gave.
        reached: which calls a gradient came back to: the last sequence with such a call is given,
            if there is one. Default: the last of all.

    Returns:
        Indices in the order of time.

    >>> last_chain([None, 0, None, 1, 2]), last_chain([None, 0, None], [True, False, False])
    ([2, 4], [0, 1])
    """
    end: int | None = len(found) - 1
    if reached is not None:
        along = list(reached)
        for k, before in enumerate(found):
            along[k] = along[k] or (before is not None and along[before])
        end = max((k for k, one in enumerate(along) if one), default=end)
    chain: list[int] = []
    while end is not None:
        chain.append(end)
        end = found[end]
    return chain[::-1]


def followed(
    calls: Sequence[LayerTrace], known: Sequence[int | None], cell: bool
) -> tuple[Followed, bool]:
    """Find out which call each call continues.

    Args:
        calls: runs of one layer in the order of time.
        known: of each call, the one that torch's graph leads to, None where it leads to none.
        cell: whether they are steps of a cell, which nearly always form a loop.

    Returns:
        Which call each one continues; and whether their order alone says so: a cell none of whose
        calls begins with anything that another one ended with is taken for one loop nevertheless.

    Notes:
        A state of zeros can be one that a call ended with (a ReLU layer with all units at 0) or a
        beginning. It is a beginning where the first call was given a state: who begins with none
        at all hands on zeros only if they were handed to him.
    """
    found: Followed = []
    rows = _Rows()
    for k, call in enumerate(calls):
        before = known[k]
        if before is None:
            before = _by_value(calls, k, rows)
        joins = before is not None and _joinable(calls[before], call)
        found.append(before if joins else None)
    if cell and len(calls) > 1 and found == [None] * len(calls):
        found = [None, *(_by_order(calls, k) for k in range(1, len(calls)))]
        return found, any(before is not None for before in found)
    return found, False


def began(call: LayerTrace) -> State | None:
    """Give the state that a call was given, None for none."""
    if call.initial_hidden is None:
        return None
    return tuple(s for s in (call.initial_hidden, call.initial_cell) if s is not None)


def ended(call: LayerTrace) -> State:
    """Give the state that a dense call ended with."""
    parts = (call.hidden, call.cell)
    return tuple(to_time_major(part, call.layout)[-1] for part in parts if part is not None)


def same_rows(left: Array, right: Array) -> Array:
    """(B,): which rows are equal; NaN equals NaN, or nothing that overflows would be one loop."""
    equal = (left == right) | ((left != left) & (right != right))
    return np.asarray(equal.all(axis=1))


def same(left: State, right: State) -> bool:
    """Tell whether two states are equal; NaN equals NaN.

    Most are, to the bit, and bits are compared ten times as fast as numbers.
    """
    return all(
        one.shape == other.shape
        and (one.tobytes() == other.tobytes() or bool(same_rows(one, other).all()))
        for one, other in zip(left, right, strict=True)
    )


def _joinable(earlier: LayerTrace, later: LayerTrace) -> bool:
    """Whether two calls can stand in one time-major array, each row one sequence."""
    for call in (earlier, later):
        if call.layout == "NH" or call.reverse or call.lengths is not None:
            return False
    return earlier.layout == later.layout and later.reset is None and began(later) is not None


def _by_value(calls: Sequence[LayerTrace], k: int, rows: _Rows) -> int | None:
    state = began(calls[k])
    if not k or state is None or "NH" in (calls[k - 1].layout, calls[k].layout):
        return None
    if _is_beginning(calls, state):
        return None
    if same(ended(calls[k - 1]), state):
        return k - 1
    rows.read(calls, k)
    found = rows.find(state)
    if found is None:
        return k - 1 if _resemble(ended(calls[k - 1]), state) else None
    if same(ended(calls[found]), state):
        return found  # two calls from one state: the one that is tried first and given up
    # A mask that shuts out a whole call leaves the state that it was given, rows of several calls.
    given = began(calls[k - 1])
    return k - 1 if given is not None and same(given, state) else found


def _is_beginning(calls: Sequence[LayerTrace], state: State) -> bool:
    return calls[0].initial_hidden is not None and not any(part.any() for part in state)


def _by_order(calls: Sequence[LayerTrace], k: int) -> int | None:
    state, first = began(calls[k]), began(calls[0])
    if state is None or _is_beginning(calls, state) or not _joinable(calls[k - 1], calls[k]):
        return None
    if len(state[0]) > len(ended(calls[k - 1])[0]) or (first is not None and same(first, state)):
        return None
    return k - 1


def _telling(part: Array) -> Array:
    """Which elements can tell one state from another: not 0, ±1 (a tanh at its end), NaN, ∞."""
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
        """Give the latest call that any row of a state comes from.

        Not the one that most come from: where each row is only now and then what a call gave, most
        are older.
        """
        return max((self._last[key] for key in _keys(state) if key in self._last), default=None)


def _keys(state: State) -> Iterator[tuple[int, bytes]]:
    for which, part in enumerate(state):
        for row in part[_telling(part).any(axis=1)]:
            yield which, row.tobytes()


class Joined:
    """One chain of calls as one run of T steps over all sequences that take part in it.

    A row keeps its sequence. Where a call has fewer rows than the one before it, those that are
    missing have ended, as in a packed sequence; where it has more, those that are new begin. Which
    ones is read off their numbers, and where these do not tell, it is the last ones.

    Args:
        calls: one chain in the order of time, dense and forward, at least one call.
        of: how many calls of the layer there were.
        presumed: see `Shown`.
    """

    def __init__(self, calls: Sequence[LayerTrace], of: int, presumed: bool = False) -> None:
        self._calls, self._of, self._presumed = calls, of, presumed

    @cached_property
    def _states(self) -> list[tuple[State, State]]:
        """Of each call what it began with and what it ended with."""
        first = tuple(map(np.zeros_like, ended(self._calls[0])))
        return [(began(call) or first, ended(call)) for call in self._calls]

    @cached_property
    def _sources(self) -> list[Array]:
        """Of each call but the first, which row of the one before each row continues; -1: none."""
        pairs = zip(self._states, self._states[1:], strict=False)
        return [_sources(end, begin) for (_, end), (begin, _) in pairs]

    @cached_property
    def _rows(self) -> list[Array]:
        """Of each call, which sequence each of its rows is."""
        rows = [np.arange(len(self._states[0][1][0]))]
        batch = len(rows[0])
        for sources in self._sources:
            if len(sources) == len(rows[-1]):
                rows.append(rows[-1])
                continue
            new = sources < 0
            mine = rows[-1][sources]
            mine[new] = batch + np.arange(new.sum())
            batch += int(new.sum())
            rows.append(mine)
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
            used: (T, B), steps that count whatever the numbers look like, because a gradient came
                back to them; default: not known.

        Returns:
            `LayerTrace`; copies of the arrays, except that those of a single call are its own. The
            `lengths` are those of sequences that end before the last call: their rows are missing
            from then on, or their state is not that of the calls any more, which a padding mask
            does. `reset` is where a row begins once more with the state that it began with at
            first, as it does at the end of an episode.
        """
        first, count = self._calls[0], len(self._calls)
        if count == 1:
            whole = self._of == 1
            return first if whole else replace(first, shown=Shown(1, self._of))
        anew, held, kept = self._between
        starts, ends = self._extent(held, used)
        altered = self._altered(kept | anew[..., None], ends)
        shown = Shown(count, self._of, self._presumed, altered)
        reset = np.zeros((self._steps[-1], self._batch), dtype=bool)
        reset[self._steps[1:-1]] = anew
        if first.reset is not None:
            reset[: len(first.reset), : first.reset.shape[1]] |= first.reset
        begins = self._begins if starts.any() else began(first)
        arrays: dict[str, Any] = {name: self._array(name) for name in ARRAYS}
        return replace(
            first,
            **arrays,
            initial_hidden=None if begins is None else begins[0],
            initial_cell=None if begins is None or first.cell is None else begins[1],
            lengths=None if (ends - starts == self._steps[-1]).all() else ends - starts,
            starts=starts if starts.any() else None,
            reset=reset if reset.any() else None,
            shown=shown if shown.noted or altered else None,
        )

    def _array(self, name: str) -> Array | None:
        parts = [getattr(call, name) for call in self._calls]
        if parts[0] is None:
            return None
        layout = self._calls[0].layout
        return from_kernel(self.along_time([to_time_major(p, layout) for p in parts]), layout)

    @cached_property
    def _begins(self) -> State:
        """(B, ·): the state that each sequence was given at its start."""
        found = tuple(
            np.zeros((self._batch, part.shape[1]), part.dtype) for part in self._states[0][1]
        )
        for rows, new, (given, _) in zip(self._rows, self._new, self._states, strict=True):
            for whole, part in zip(found, given, strict=True):
                whole[rows[new]] = part[new]
        return found

    @property
    def _new(self) -> list[Array]:
        """Of each call, which of its rows begin a sequence."""
        return [self._rows[0] >= 0, *(sources < 0 for sources in self._sources)]

    @cached_property
    def _between(self) -> tuple[Array, Array, Array]:
        """What happened to each row between one call and the next.

        Returns:
            Of each pair of calls: (K - 1, B), whether the row began anew; (K - 1, B), whether it
            was given what the earlier call was given, whose result is lost; (K - 1, B, 2), whether
            hidden state and cell came on as they were.
        """
        shape = len(self._calls) - 1, self._batch
        anew, held = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        kept = np.ones((*shape, 2), dtype=bool)
        for k, sources in enumerate(self._sources):
            (given, end), (begin, _) = self._states[k], self._states[k + 1]
            if same(end, begin):
                continue
            going = np.flatnonzero(sources >= 0)
            rows, mine = self._rows[k + 1][going], sources[going]
            for part, (left, right) in enumerate(zip(begin, end, strict=True)):
                kept[k, rows, part] = same_rows(left[going], right[mine])
            lost = ~kept[k, rows].all(axis=1)
            if lost.any():
                now = [part[going] for part in begin]
                anew[k, rows] = lost & _all_same(now, [part[rows] for part in self._begins])
                held[k, rows] = (
                    lost & _all_same(now, [part[mine] for part in given]) & ~anew[k, rows]
                )
        return anew, held, kept

    def _extent(self, held: Array, used: Array | None) -> tuple[Array, Array]:
        """(B,) and (B,): the step at which each sequence begins, and that before which it ends."""
        steps, there = self._steps, np.zeros((len(self._calls), self._batch), dtype=bool)
        for k, rows in enumerate(self._rows):
            there[k, rows] = True
        first = np.argmax(there, axis=0)
        last = first + there.sum(axis=0)
        # A padding mask never opens again; one that does skips steps, and the sequence goes on.
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
        names = enumerate(("hidden", "cell"))
        return tuple(name for which, name in names if changed[..., which].any())


def _all_same(left: Sequence[Array], right: Sequence[Array]) -> Array:
    equal = [same_rows(*pair) for pair in zip(left, right, strict=True)]
    return np.asarray(np.all(equal, axis=0))


def _sources(end: State, begin: State) -> Array:
    """Which row of a call's last state each row of the next call's first one is; -1: none."""
    before, count = len(end[0]), len(begin[0])
    if count == before:
        return np.arange(count)
    for left, right in zip(end, begin, strict=True):
        places = {row.tobytes(): k for k, row in enumerate(left)}
        found = np.array([places.get(row.tobytes(), -1) for row in right])
        again = np.ones(count, dtype=bool)
        again[np.unique(found, return_index=True)[1]] = False
        found[again] = -1
        there = found[found >= 0]
        if len(there) == min(before, count) and (np.diff(there) > 0).all():
            return found
    return np.where(np.arange(count) < before, np.arange(count), -1)
