"""Calls that continue each other, put together along time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from glasscell.inspect.chain import State, began, ended, same_rows
from glasscell.inspect.layout import Array, from_kernel, to_time_major
from glasscell.inspect.shown import Shown

if TYPE_CHECKING:
    from glasscell.inspect.trace import LayerTrace

__all__ = ["Joined"]

ARRAYS = ("forget", "input", "candidate", "output", "cell", "hidden")


class Joined:
    """One chain of calls as one run of T steps over the B sequences of its first call.

    A row keeps its sequence. Where a call has fewer rows than the one before it, those that are
    missing have ended, as in a packed sequence: which ones is read off their numbers, and where
    these do not tell, the last ones.

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
    def _rows(self) -> list[Array]:
        """Of each call, which sequence each of its rows is."""
        rows = [np.arange(len(self._states[0][1][0]))]
        for (_, end), (begin, _) in zip(self._states, self._states[1:], strict=False):
            rows.append(rows[-1][_remaining(end, begin)])
        return rows

    @cached_property
    def _steps(self) -> Array:
        """At which step each call begins, and T."""
        counts = [to_time_major(call.hidden, call.layout).shape[0] for call in self._calls]
        return np.cumsum([0, *counts])

    def along_time(self, parts: Sequence[Array]) -> Array:
        """Put arrays of all calls together, 0 where a sequence has ended.

        Args:
            parts: (T_k, B_k, ·) of each call.

        Returns:
            (T, B, ·); what a single call had, as it is.
        """
        if len(parts) == 1:
            return parts[0]
        batch = len(self._rows[0])
        if all(len(rows) == batch for rows in self._rows):
            return np.concatenate(parts)
        whole = np.zeros((self._steps[-1], batch, *parts[0].shape[2:]), np.result_type(*parts))
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
            does. `reset` is where a row begins once more with the state of the first call, as it
            does at the end of an episode.
        """
        first, count = self._calls[0], len(self._calls)
        if count == 1:
            whole = self._of == 1
            return first if whole else replace(first, shown=Shown(1, self._of))
        arrays: dict[str, Any] = {name: self._array(name) for name in ARRAYS}
        anew, held, kept = self._between
        lengths = self._lengths(held, used)
        altered = self._altered(kept | anew[..., None], lengths)
        shown = Shown(count, self._of, self._presumed, altered)
        reset = np.zeros((self._steps[-1], len(self._rows[0])), dtype=bool)
        reset[self._steps[1:-1]] = anew
        if first.reset is not None:
            reset[: len(first.reset)] |= first.reset
        return replace(
            first,
            **arrays,
            lengths=None if (lengths == self._steps[-1]).all() else lengths,
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
    def _between(self) -> tuple[Array, Array, Array]:
        """What happened to each row between one call and the next.

        Returns:
            Of each pair of calls: (K - 1, B), whether the row began anew; (K - 1, B), whether it
            was given what the earlier call was given, whose result is lost; (K - 1, B, 2), whether
            hidden state and cell came on as they were.
        """
        shape = len(self._calls) - 1, len(self._rows[0])
        anew, held = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        kept = np.ones((*shape, 2), dtype=bool)
        start = self._states[0][0]
        for k, rows in enumerate(self._rows[1:]):
            (given, end), (begin, _) = self._states[k], self._states[k + 1]
            mine = np.searchsorted(self._rows[k], rows)
            parts = range(len(begin))
            for part in parts:
                kept[k, rows, part] = same_rows(begin[part], end[part][mine])
            passed = kept[k, rows].all(axis=1)
            if passed.all():
                continue
            fresh = [same_rows(begin[part], start[part][rows]) for part in parts]
            still = [same_rows(begin[part], given[part][mine]) for part in parts]
            anew[k, rows] = np.all(fresh, axis=0) & ~passed
            held[k, rows] = np.all(still, axis=0) & ~passed & ~anew[k, rows]
        return anew, held, kept

    def _lengths(self, held: Array, used: Array | None) -> Array:
        """(B,): the steps of each sequence."""
        steps, K = self._steps, len(self._calls)
        there = np.zeros((K, len(self._rows[0])), dtype=bool)
        for k, rows in enumerate(self._rows):
            there[k, rows] = True
        last = there.sum(axis=0)  # calls that have the row
        lost = held | ~there[1:]
        # A padding mask never opens again; one that does skips steps, and the sequence goes on.
        if (lost[1:] >= lost[:-1]).all():
            last = np.where(held.any(axis=0), np.argmax(held, axis=0), last)
        lengths = steps[last]
        if used is not None:
            counts = steps[-1] - np.argmax(used[::-1], axis=0)
            lengths = np.where(used.any(axis=0), np.maximum(lengths, counts), lengths)
        return np.asarray(lengths, dtype=np.int64)

    def _altered(self, handed: Array, lengths: Array) -> tuple[str, ...]:
        """What the caller changed between two calls in a sequence that went on."""
        went_on = self._steps[1:-1, None] < lengths
        changed = (~handed & went_on[..., None]).any(axis=(0, 1))
        return tuple(name for name, one in zip(("hidden", "cell"), changed, strict=True) if one)


def _remaining(end: State, begin: State) -> Array:
    """Which rows of a call's last state the next call goes on with."""
    count = len(begin[0])
    if count == len(end[0]):
        return np.arange(count)
    for before, after in zip(end, begin, strict=True):
        places = {row.tobytes(): k for k, row in enumerate(before)}
        found = [places.get(row.tobytes(), -1) for row in after]
        if len(places) == len(before) and min(found) >= 0 and sorted(set(found)) == found:
            return np.array(found)
    return np.arange(count)
