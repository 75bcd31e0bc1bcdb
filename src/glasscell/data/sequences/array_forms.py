"""Reads sequences that lie in memory: arrays, lists of arrays of different lengths, and labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np

from glasscell.arrays import Array
from glasscell.data.sequences.content import (
    Content,
    Said,
    as_float32,
    require_finite,
    require_room,
    say,
)
from glasscell.data.sequences.reading_options import Known, Layout, ReadingOptions
from glasscell.data.wording import count, few
from glasscell.errors import DataError

BLOCK = 1 << 18
"""Numbers that are turned into float32 at a time."""
LAYOUTS = (
    "say --layout ntc for (sequence, time, feature), as torch batches are, or --layout nct for "
    "(sequence, feature, time), as aeon and sktime have it"
)


@dataclass(frozen=True, eq=False)
class Steps:
    """The steps of all sequences, one after another.

    Args:
        values: (S, F) float32.
        lengths: (n,) steps of each.
        features: Names, where the source has some.
        layout: Order of the axes that was read, None where there was only one.
        kept: (n * T,) which steps of a padded array are none of its padding; None: all.
    """

    values: Array
    lengths: Array
    features: tuple[str, ...] | None = None
    layout: Layout | None = None
    kept: Array | None = None


def read_arrays(data: Any, options: ReadingOptions, known: Known | None) -> Content | None:
    """Read arrays in memory.

    Args:
        data: X, (X, y), (X, y, groups), or a mapping with X and, if known, y, lengths, groups,
            names and features. X is (n, time, features) with a layout, (n, time), a list of
            (time, features) arrays, or with lengths (steps of all, features).
        options: Layout, and whether there is a label a step.
        known: What the run knows of its features.

    Returns:
        The content, or None where the data are no arrays.

    Raises:
        DataError: They cannot be used; the message says why.
    """
    if isinstance(data, tuple) and data and is_frame(data[0]):
        return None
    if isinstance(data, tuple) and len(data) in (2, 3) and not _numbers(data):
        data = dict(zip(("X", "y", "groups"), data, strict=False))
    elif _is_array(data) or (isinstance(data, list) and data):
        data = {"X": data}
    if not isinstance(data, Mapping):
        return None
    return content_of(data, options, known, "the arrays")


def content_of(
    parts: Mapping[str, Any], options: ReadingOptions, known: Known | None, source: str
) -> Content:
    """Put together what arrays say, by their names X, y, lengths, groups, names, features.

    Raises:
        DataError: X is missing, or the others do not fit it.
    """
    parts = {name: part for name, part in parts.items() if part is not None}
    if "X" not in parts:
        raise DataError(f"{source}: expected an array X, got {few(list(parts)) or 'nothing'}")
    lengths = parts.get("lengths")
    if "offsets" in parts:
        lengths = np.diff(np.asarray(parts["offsets"]))
    layout = options.layout or (known.layout if known is not None else None)
    width = None if known is None else len(known.features)
    steps = _steps(parts["X"], lengths, layout, width, source)
    n = len(steps.lengths)
    features = tuple(map(str, parts["features"])) if "features" in parts else steps.features
    wide = steps.values.shape[1]
    if features is not None and len(features) != wide:
        raise DataError(
            f"{source}: expected {count(wide, 'name')} of features, got {few(features)}"
        )
    names = [str(name) for name in parts.get("names", range(n))]
    groups = say("groups", parts["groups"]) if "groups" in parts else None
    for what, entries in (("names", names), ("groups", () if groups is None else groups.values)):
        if len(entries) not in ((n,) if what == "names" else (0, n)) or np.ndim(entries) != 1:
            raise DataError(
                f"{source}: expected {n:,} {what}, one a sequence, got {len(entries):,}"
            )
    return Content(
        values=steps.values,
        lengths=steps.lengths,
        features=features or [f"x{i + 1}" for i in range(wide)],
        named=features is not None,
        names=names,
        labels=_labels(parts["y"], steps, options.per_step, source) if "y" in parts else (),
        group=groups,
        source=source,
        manner={"layout": steps.layout},
    )


def _steps(x: Any, lengths: Any, layout: Layout | None, width: int | None, source: str) -> Steps:
    stored = hasattr(x, "blocks")
    if not stored and (isinstance(x, list | tuple) or np.asarray(x).dtype == object):
        return _from_list(list(x), layout, width, source)
    array = x if stored else np.asarray(x)
    shape = array.shape
    _require_numbers(array, "X", source)
    if stored and not x.by_rows:
        require_room(int(np.prod(shape[:-1])), shape[-1], source)
        array = x.by_columns()
    if lengths is not None:
        lengths = np.asarray(lengths)
        _require_lengths(lengths, source)
        lengths = lengths.astype(np.int64)
    if len(shape) not in (2, 3):
        raise DataError(
            f"{source}: expected X of shape (sequences, time, features), or (sequences, time) with "
            f"one feature, got {shape}"
        )
    if not np.prod(shape):
        raise DataError(f"{source}: expected sequences, got an empty X of shape {shape}")
    if len(shape) == 2 and lengths is not None and lengths.sum() == len(array) != len(lengths):
        return Steps(_in_float32(array, (len(array), 1, shape[1]), "ntc", lengths, source), lengths)
    seen: Layout | None = None
    if len(shape) == 3:
        longest = None if lengths is None else int(lengths.max(initial=0))
        seen = _axes({shape[1]}, {shape[2]}, layout, width, longest, source)
        shape = shape if seen == "ntc" else (shape[0], shape[2], shape[1])
    else:
        shape = (*shape, 1)
    n, longest, _ = shape
    if lengths is None:
        lengths = np.full(n, longest, np.int64)
        return Steps(_in_float32(array, shape, seen, lengths, source), lengths, None, seen)
    if len(lengths) != n or lengths.max() > longest:
        hint = f"; of steps one sequence after another they add up to {n:,}, not {lengths.sum():,}"
        raise DataError(
            f"{source}: expected {n:,} lengths of at most {longest:,} for X of shape "
            f"{array.shape}, got {len(lengths):,} up to {lengths.max():,}"
            + hint
            * (array.ndim == 2)
        )
    kept = (np.arange(longest) < lengths[:, None]).reshape(-1)
    return Steps(_in_float32(array, shape, seen, lengths, source), lengths, None, seen, kept)


def _in_float32(
    array: Any, shape: tuple[int, ...], layout: Layout | None, lengths: Array, source: str
) -> Array:
    """Give the (S, F) steps of an array (n, T, F), or (n, F, T), some thousands at a time.

    Of steps that are counted by row already, T is 1 and `lengths` only say where messages point.
    """
    n, longest, wide = shape
    flat = n != len(lengths)
    total = int(lengths.sum())
    require_room(total, wide, source)
    offsets = np.concatenate([[0], np.cumsum(lengths)])

    def place(row: int, feature: int) -> str:
        number = int(np.searchsorted(offsets, row, side="right")) - 1
        return f"sequence {number}, step {row - offsets[number] + 1}, feature {feature + 1}"

    rows = max(1, BLOCK // (longest * wide))
    whole = flat or total == n * longest
    if isinstance(array, np.ndarray) and array.dtype == np.float32 and whole and layout != "nct":
        # The steps lie in memory as they are wanted.
        values = array.reshape(total, wide)
        for first in range(0, total, BLOCK // wide + 1):
            require_finite(values[first : first + BLOCK // wide + 1], first, place, source)
        return values
    values, first, number = np.empty((total, wide), np.float32), 0, 0
    for block in array.blocks(rows) if hasattr(array, "blocks") else _blocks(array, rows):
        block = block.transpose(0, 2, 1) if layout == "nct" else block
        block = block.reshape(-1, wide)
        if not whole:
            here = lengths[number : number + rows]
            block = block[(np.arange(longest) < here[:, None]).reshape(-1)]
            number += rows
        values[first : first + len(block)] = as_float32(block, first, place, source)
        first += len(block)
    return values


def _blocks(array: Array, rows: int) -> Iterator[Array]:
    for first in range(0, len(array), rows):
        yield array[first : first + rows]


def _from_list(entries: list[Any], layout: Layout | None, width: int | None, source: str) -> Steps:
    frames = [entry for entry in entries if is_frame(entry)]
    features = None
    if frames:
        if len(frames) < len(entries):
            raise DataError(f"{source}: expected frames throughout the list, or arrays throughout")
        features = _features_of_frames(frames, source)
        entries = [
            np.asarray(nw.from_native(frame, eager_only=True).to_numpy()) for frame in frames
        ]
        layout = "ntc"
    arrays = [np.asarray(entry) for entry in entries]
    for number, array in enumerate(arrays):
        _require_numbers(array, f"sequence {number}", source)
        if array.ndim not in (1, 2) or array.ndim != arrays[0].ndim:
            raise DataError(
                f"{source}: expected a list of arrays of shape (time, features), or all (time,), "
                f"got {array.shape} at sequence {number}"
            )
        if not array.size:
            raise DataError(
                f"{source}: sequence {number} is empty (shape {array.shape}); leave it out"
            )
    seen = None
    if arrays[0].ndim == 1:
        arrays = [array[:, None] for array in arrays]
    elif not frames:
        sides = [{array.shape[axis] for array in arrays} for axis in (0, 1)]
        seen = _axes(sides[0], sides[1], layout, width, None, source)
        arrays = arrays if seen == "ntc" else [array.T for array in arrays]
    wide = arrays[0].shape[1]
    lengths = np.array([len(array) for array in arrays], np.int64)
    require_room(int(lengths.sum()), wide, source)
    values = np.empty((int(lengths.sum()), wide), np.float32)
    first = 0
    for number, array in enumerate(arrays):

        def place(row: int, feature: int, number: int = number) -> str:
            return f"sequence {number}, step {row + 1}, feature {feature + 1}"

        values[first : first + len(array)] = as_float32(array, 0, place, source)
        first += len(array)
    return Steps(values, lengths, features, seen)


def _axes(
    first: set[int],
    second: set[int],
    layout: Layout | None,
    width: int | None,
    longest: int | None,
    source: str,
) -> Layout:
    """Tell which of two axes is time, from sizes that only one of them can have."""
    possible: dict[Layout, bool] = {}
    for name, time, feature in (("ntc", first, second), ("nct", second, first)):
        fits = len(feature) == 1 and width in (None, *feature)
        possible[name] = fits and (longest is None or longest in time)  # type: ignore[index]
    if layout is not None:
        if not possible[layout]:
            sizes = few([f"{size:,}" for size in sorted(second if layout == "ntc" else first)])
            expected = "one number of features throughout" if width is None else f"{width} features"
            raise DataError(f"{source}: with layout {layout} expected {expected}, got {sizes}")
        return layout
    # A single axis of one is a single feature: a sequence of one step is none.
    if all(possible.values()) and (first == {1}) != (second == {1}):
        possible = {"ntc": second == {1}, "nct": first == {1}}
    if sum(possible.values()) == 1:
        return next(name for name, fits in possible.items() if fits)
    shape = f"{few(sorted(map(str, first)), 3)} and {few(sorted(map(str, second)), 3)}"
    if not any(possible.values()):
        wanted = "of one size throughout" if width is None else f"of {width} features"
        raise DataError(f"{source}: expected an axis {wanted}, got axes of {shape}")
    raise DataError(
        f"{source}: the axes of a sequence are {shape} long, and either can be time; {LAYOUTS}"
    )


def _labels(y: Any, steps: Steps, per_step: bool, source: str) -> tuple[Said, ...]:
    n, total = len(steps.lengths), int(steps.lengths.sum())
    wanted = total if per_step else n
    if per_step and isinstance(y, list | tuple) and len(y) == n and np.ndim(y[0]):
        sizes = [len(entry) for entry in y]
        if sizes != steps.lengths.tolist():
            number = next(i for i in range(n) if sizes[i] != steps.lengths[i])
            raise DataError(
                f"{source}: expected {steps.lengths[number]} labels for sequence {number}, one a "
                f"step, got {sizes[number]}"
            )
        y = np.concatenate([np.asarray(entry) for entry in y])
    columns = getattr(y, "columns", None)
    array = np.asarray(y)
    if per_step and array.shape[:1] == (n,) and array.ndim > 1 and n * array.shape[1] != n:
        array = array.reshape(n * array.shape[1], *array.shape[2:])
        if steps.kept is not None and len(array) == len(steps.kept):
            array = array[steps.kept]
    if array.ndim not in (1, 2) or len(array) != wanted:
        other = "; per_step=True takes one a step" if len(array) == total != n else ""
        raise DataError(
            f"{source}: expected {wanted:,} labels, one a {'step' if per_step else 'sequence'}, "
            f"got y of shape {np.shape(y)}{other}"
        )
    if array.ndim == 1 or array.shape[1] == 1:
        return (say("y", array.reshape(-1)),)
    names = [f"y{i + 1}" for i in range(array.shape[1])] if columns is None else map(str, columns)
    return tuple(say(name, column) for name, column in zip(names, array.T, strict=True))


def _features_of_frames(frames: Sequence[Any], source: str) -> tuple[str, ...]:
    first = tuple(map(str, frames[0].columns))
    for number, frame in enumerate(frames):
        here = tuple(map(str, frame.columns))
        if here != first:
            odd = sorted(set(here) ^ set(first)) or list(here)
            raise DataError(
                f"{source}: features come and go: sequence {number} has {few(here)}, the first has "
                f"{few(first)} (different: {few(odd)}); give all the same columns"
            )
    return first


def _require_numbers(array: Array, what: str, source: str) -> None:
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"{source}: expected numbers in {what}, got {array.dtype}; code text as numbers first"
        )


def _require_lengths(lengths: Array, source: str) -> None:
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu":
        raise DataError(f"{source}: expected lengths as whole numbers, one a sequence, got "
                        f"{lengths.dtype} of shape {lengths.shape}")  # fmt: skip
    if (lengths < 1).any():
        first = int(np.argmax(lengths < 1))
        raise DataError(
            f"{source}: sequence {first} is empty (length {lengths[first]}); leave it out"
        )


def with_labels(content: Content, y: Any, groups: Any, options: ReadingOptions) -> Content:
    """Give sequences of a frame the labels and groups that came beside it.

    Raises:
        DataError: Their number does not fit.
    """
    steps = Steps(content.values, np.asarray(content.lengths))
    if groups is not None:
        group = say("groups", groups)
        if len(group.values) != len(content.lengths):
            raise DataError(
                f"{content.source}: expected {len(content.lengths):,} groups, one a sequence, got "
                f"{len(group.values):,}"
            )
        content = replace(content, group=group)
    return replace(content, labels=_labels(y, steps, options.per_step, content.source))


def _is_array(data: Any) -> bool:
    return hasattr(data, "__array__") and hasattr(data, "shape") and not is_frame(data)


def is_frame(data: Any) -> bool:
    """Tell whether data are a frame; its columns are not asked for, as a lazy one resolves them."""
    return hasattr(type(data), "columns")


def _numbers(data: tuple[Any, ...]) -> bool:
    """Tell whether a tuple is one sequence of numbers rather than X, y and groups."""
    return all(isinstance(entry, int | float) for entry in data)
