"""Fills missing values by the policy that was chosen, or says where the first one is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array
from glasscell.data.sequences.content import Content
from glasscell.data.sequences.reading_options import Missing
from glasscell.data.wording import count, few
from glasscell.errors import DataError

WAYS = {
    "interpolate": "interpolated linearly between the steps of a sequence",
    "previous": "given the value before them in the sequence",
    "zero": "given the mean of their feature",
}


def fill_missing(
    content: Content,
    policy: Missing,
    notes: list[str],
    *,
    learning: bool,
    means: Sequence[float] = (),
) -> npt.NDArray[np.float32]:
    """Give the values without missing ones, but for those whose feature's mean is to stand there.

    Args:
        content: What was read.
        policy: What to do with a missing value.
        notes: Gets a sentence on what was done.
        learning: Whether somebody learns from these, so that every feature has to have values.
        means: What earlier versions have a run put where neither a neighbour nor the policy says
            what; empty: NaN, which a scaler turns into 0, the mean that it has measured.

    Raises:
        DataError: One is missing and the policy is to say so, or a feature has no value at all.
    """
    # Column by column, as a mask of all would be a quarter of the data.
    counts = np.array([np.isnan(column).sum() for column in content.values.T])
    if not counts.any():
        return content.values
    missing = np.isnan(content.values)
    first = int(np.argmax(missing.any(axis=1)))
    if policy == "raise":
        raise DataError(_refusal(content, missing, first))
    unknown = counts == len(content.values)
    empty = [name for name, none in zip(content.features, unknown, strict=True) if none]
    if empty and learning:
        raise DataError(
            f"{content.source}: expected values in {few(empty)}, found none at all; leave "
            f"{'it' if len(empty) == 1 else 'them'} out of --features"
        )
    values, alone = content.values.copy(), 0
    for place in np.flatnonzero(counts):
        column, gaps = values[:, place], missing[:, place]
        if policy != "zero":
            alone += _within(column, gaps, content.offsets, policy)
            gaps = np.isnan(column)
        if means:
            column[gaps] = means[place]
    named = [name for name, number in zip(content.features, counts, strict=True) if number]
    notes.append(
        f"{count(int(counts.sum()), 'missing value')} ({few(named)}; the first in "
        f"{content.place(first)}) {'was' if counts.sum() == 1 else 'were'} {WAYS[policy]}."
    )
    if alone:
        notes.append(
            f"{count(alone, 'time')} a sequence had no value of a feature: its mean stands there."
        )
    return values


def _within(column: Array, gaps: Array, offsets: Array, policy: Missing) -> int:
    """Fill one feature within each sequence; count the sequences that have no value of it."""
    alone = 0
    touched = np.unique(np.searchsorted(offsets, np.flatnonzero(gaps), side="right") - 1)
    for number in touched:
        steps = slice(offsets[number], offsets[number + 1])
        part, known = column[steps], np.flatnonzero(~gaps[steps])
        if not len(known):
            alone += 1
        elif policy == "interpolate":
            part[:] = np.interp(np.arange(len(part)), known, part[known])
        else:
            # Before the first value there is no previous one: the first stands there too.
            last = np.searchsorted(known, np.arange(len(part)), side="right") - 1
            part[:] = part[known[np.maximum(last, 0)]]
    return alone


def _refusal(content: Content, missing: Array, first: int) -> str:
    counts = missing.sum(axis=0)
    place = int(np.argmax(missing[first]))
    touched = np.add.reduceat(missing.any(axis=1), content.offsets[:-1]) > 0
    ends = missing[content.offsets[1:] - 1].all(axis=1)
    hint = ""
    if ends.any() and not (touched & ~ends).any():
        hint = "; if they only fill up shorter sequences, give lengths, or leave those steps out"
    return (
        f"{content.source}: feature {content.features[place]!r}, {content.place(first)}: the value "
        f"is missing ({count(int(counts.sum()), 'missing value')} in "
        f"{count(int(touched.sum()), 'sequence')}); choose --missing interpolate, previous or "
        f"zero{hint}"
    )
