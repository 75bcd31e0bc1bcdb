"""What a form of data holds before labels and missing values are settled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import psutil  # type: ignore[import-untyped]

from glasscell.arrays import Array
from glasscell.data.wording import count, few
from glasscell.errors import DataError


@dataclass(frozen=True, eq=False)
class Said:
    """What one column says of every sequence or step: a label, a group, a part.

    Args:
        name: The column.
        values: (·,) float64, numbers or places in `words`; NaN: nothing is said.
        words: What a text column says; None: numbers.
    """

    name: str
    values: npt.NDArray[np.float64]
    words: tuple[str, ...] | None = None

    def texts(self) -> list[str]:
        """Give each entry as text, "" for nothing.

        >>> Said("y", np.array([1.0, np.nan, 2.5])).texts()
        ['1', '', '2.5']
        """
        if self.words is None:
            return ["" if np.isnan(v) else number_text(v) for v in self.values.tolist()]
        return ["" if np.isnan(v) else self.words[int(v)] for v in self.values.tolist()]


@dataclass(frozen=True, kw_only=True, eq=False)
class Content:
    """Sequences as they stand in a source.

    Args:
        values: (S, F) float32, NaN where a value is missing.
        lengths: (n,) steps of each sequence.
        features: F names.
        named: Whether the source named the features.
        names: Names of the n sequences.
        labels: Columns of labels; empty: none.
        group: Whom each sequence comes from.
        part: Train or test for each sequence.
        source: What the data are called.
        where: Row of `values` to its place in the source, "" where there is no better one.
        notes: What was done, one sentence each.
        manner: Columns and order of axes that were found.
    """

    values: npt.NDArray[np.float32]
    lengths: Array
    features: Sequence[str]
    named: bool
    names: Sequence[str]
    labels: Sequence[Said] = ()
    group: Said | None = None
    part: Said | None = None
    source: str = ""
    where: Callable[[int], str] = lambda row: ""
    notes: Sequence[str] = ()
    manner: dict[str, Any] = field(default_factory=dict)

    @property
    def offsets(self) -> npt.NDArray[np.int64]:
        """(n + 1,) where each sequence begins, and the end of the last."""
        return np.concatenate([[0], np.cumsum(self.lengths, dtype=np.int64)])

    def place(self, row: int) -> str:
        """Say which step of which sequence a row of `values` is."""
        offsets = self.offsets
        number = int(np.searchsorted(offsets, row, side="right")) - 1
        step, there = row - offsets[number] + 1, self.where(row)
        return (
            f"sequence {self.names[number]!r}, step {step} of {self.lengths[number]}"
            f"{there and f' ({there})'}"
        )


def number_text(value: float) -> str:
    """Write a label that is a number: whole ones without a point.

    >>> number_text(3.0), number_text(0.1)
    ('3', '0.1')
    """
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def say(name: str, cells: Any) -> Said:
    """Encode the cells of a column: numbers stay numbers, text and bools become words.

    >>> say("y", ["b", None, "a"])
    Said(name='y', values=array([ 0., nan,  1.]), words=('b', 'a'))
    """
    if isinstance(cells, pd.Categorical):
        codes, kinds = cells.codes, list(cells.categories)
    else:
        cells = np.asarray(cells)
        if cells.dtype.kind in "iuf":
            return Said(name, cells.astype(np.float64))
        if cells.dtype.kind == "b":
            return Said(name, cells.astype(np.float64), ("False", "True"))
        if cells.dtype.kind == "S":
            cells = np.char.decode(cells, "utf-8", "replace")
        codes, kinds = pd.factorize(cells.astype(object))
    if all(isinstance(kind, int | float) and not isinstance(kind, bool) for kind in kinds):
        found = np.append(np.asarray(kinds, np.float64), np.nan)
        return Said(name, found[codes])
    texts = [str(kind).strip() for kind in kinds]
    words = tuple(dict.fromkeys(text for text in texts if text))
    places = {word: float(place) for place, word in enumerate(words)}
    found = np.array([*(places.get(text, np.nan) for text in texts), np.nan])
    return Said(name, found[codes], words)


def require_room(steps: int, features: int, source: str) -> None:
    """Refuse what memory cannot hold, before it is read.

    Raises:
        DataError: The float32 values alone need more than is free.
    """
    needed, free = 4 * steps * features, int(psutil.virtual_memory().available)
    if needed > free:
        raise DataError(
            f"{source}: {count(steps, 'step')} of {count(features, 'feature')} take "
            f"{needed / 2**30:,.1f} GiB, and {free / 2**30:,.1f} GiB of memory are free; read "
            "fewer features (--features), or a part of the sequences"
        )


def as_float32(
    values: Array, first: int, place: Callable[[int, int], str], source: str
) -> npt.NDArray[np.float32]:
    """Give numbers as float32, infinite ones and those beyond it refused.

    Args:
        values: (S, F) numbers, NaN where missing.
        first: Row of the first of them, for `place`.
        place: Row and feature of a value to what messages call it.
        source: For the message.

    Raises:
        DataError: One is infinite, or above 3.4e38 in size.
    """
    with np.errstate(over="ignore"):
        single = values.astype(np.float32, copy=False)
    require_finite(single, first, place, source)
    return single


def require_finite(
    values: npt.NDArray[np.float32], first: int, place: Callable[[int, int], str], source: str
) -> None:
    """Refuse infinite numbers; arguments as for `as_float32`.

    Raises:
        DataError: There is one.
    """
    infinite = np.isinf(values)
    if infinite.any():
        row, feature = np.unravel_index(int(np.argmax(infinite)), values.shape)
        raise DataError(
            f"{source}: {place(first + int(row), int(feature))}: expected a finite number below "
            "3.4e38 in size, got an infinite or larger one; correct the data, or make it missing "
            "(NaN) and choose --missing"
        )


def joined(contents: Sequence[Content], parts: Sequence[str]) -> Content:
    """Put sources together that are parts of one, such as train and test.

    Args:
        contents: What each holds.
        parts: What each is called; its sequences are named so, and its part.

    Raises:
        DataError: They have different features or labels.
    """
    first = contents[0]
    for content in contents[1:]:
        for what, ours, theirs in (
            ("features", first.features, content.features),
            ("labels", [c.name for c in first.labels], [c.name for c in content.labels]),
        ):
            if list(ours) != list(theirs):
                one, other = (few(list(names), 10) or "none" for names in (ours, theirs))
                raise DataError(
                    f"{content.source}: {what} come and go: expected {one} as in "
                    f"{first.source}, got {other}"
                )
    groups = [content.group for content in contents if content.group is not None]
    numbers = np.repeat(
        np.arange(len(contents), dtype=np.float64), [len(c.names) for c in contents]
    )
    return Content(
        values=np.concatenate([content.values for content in contents]),
        lengths=np.concatenate([content.lengths for content in contents]),
        features=first.features,
        named=first.named,
        names=[
            f"{part} {name}" for part, c in zip(parts, contents, strict=True) for name in c.names
        ],
        labels=[_together([c.labels[i] for c in contents]) for i in range(len(first.labels))],
        group=_together(groups) if len(groups) == len(contents) else None,
        part=Said("part", numbers, tuple(parts)),
        source=first.source,
        notes=[note for content in contents for note in content.notes],
        manner=first.manner,
    )


def _together(columns: Sequence[Said]) -> Said:
    """Put one column of several sources together, as text if any of them is."""
    if all(column.words is None for column in columns):
        return Said(columns[0].name, np.concatenate([column.values for column in columns]))
    return say(columns[0].name, [text or None for column in columns for text in column.texts()])
