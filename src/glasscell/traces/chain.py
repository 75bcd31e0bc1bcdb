"""Calls of one layer that hand on its state are one sequence: which they are.

torch's graph says so exactly, where there is one: the state that a call began with leads back to
the call that it was made from, whatever lies between. Without a graph the numbers have to say it. A
loop may change a part of its state between two calls (a padding mask, zoneout, an episode that
ends, a batch that shrinks), never all of it: some row or element is still what a call ended with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from glasscell.arrays import Array
from glasscell.traces.layout import to_time_major

if TYPE_CHECKING:
    from glasscell.traces.layer import LayerTrace

__all__ = ["Followed", "State", "began", "ended", "followed", "last_chain", "same", "same_rows"]

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
