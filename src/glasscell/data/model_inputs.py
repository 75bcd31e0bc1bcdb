"""Reads what a model is shown: sequences from a table, .npy or .npz file, as they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from glasscell.arrays import Array
from glasscell.data.wording import count
from glasscell.errors import DataError

_NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?|[-+]?(nan|inf)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelInputs:
    """Sequences and what is known about them.

    Args:
        x: (B, T, I) numbers, or (B, T) integers.
        inputs: Names of the I inputs; empty: unknown.
        labels: Names of the T steps; None: unknown.
        names: Names of the B sequences; empty: unknown.
        text: Of each sequence, its T characters or words; None: no text.
        lengths: (B,) int64, steps of each sequence, of which x has no more than zeros after them;
            None: all T.
    """

    x: Array
    inputs: tuple[str, ...] = ()
    labels: tuple[str, ...] | None = None
    names: tuple[str, ...] = ()
    text: tuple[tuple[str, ...], ...] | None = None
    lengths: Array | None = None

    def steps(self, first: int, last: int) -> ModelInputs:
        """Keep the steps first … last - 1.

        Raises:
            DataError: There is none of them.
        """
        if not 0 <= first < min(last, self.x.shape[1]):
            raise DataError(
                f"expected --steps within 0:{self.x.shape[1]}, one step at least, got "
                f"{first}:{last}"
            )
        shortest = self.x.shape[1] if self.lengths is None else int(self.lengths.min())
        if first >= shortest:
            raise DataError(
                f"expected --steps from a step that every sequence has, 0 … {shortest - 1}, got "
                f"{first}"
            )
        return replace(
            self,
            x=self.x[:, first:last],
            lengths=None if self.lengths is None else np.minimum(self.lengths, last) - first,
            labels=None if self.labels is None else self.labels[first:last],
            text=None if self.text is None else tuple(one[first:last] for one in self.text),
        )


def read_model_inputs(
    path: Path, width: int | None, inputs: Sequence[str] = (), nan: bool = False
) -> ModelInputs:
    """Read sequences for a model.

    Args:
        path: A CSV file (one sequence, a row per step), .npy with x, or .npz with x and, if known,
            inputs, labels, names, text and lengths, of sequences that are padded to the longest.
        width: I, what a step must have; None: integers for an Embedding.
        inputs: Columns of a CSV file to read, in the model's order; default all that hold numbers.
        nan: Whether NaN and infinities may stay.

    Returns:
        `ModelInputs`.

    Raises:
        DataError: The file cannot be read, or does not fit the model.
    """
    if not path.is_file():
        raise DataError(f"{path}: expected a CSV, .npy or .npz file, found nothing to read")
    kind = path.suffix.lower()
    read = _table(path, width, inputs) if kind not in (".npy", ".npz") else _arrays(path)
    x = _checked(read.x, width, path)
    lengths = _lengths(read.lengths, x, path)
    read = replace(read, x=_ended(x, lengths), lengths=lengths)
    for what, names, wanted in (
        ("inputs", read.inputs, read.x.shape[-1] if read.x.ndim == 3 else 0),
        ("names", read.names, len(read.x)),
        ("labels", read.labels or (), read.x.shape[1]),
    ):
        if names and len(names) != wanted:
            raise DataError(f"{path}: expected {wanted} {what}, got {len(names)}")
    if read.text is not None and {len(one) for one in read.text} != {read.x.shape[1]}:
        raise DataError(
            f"{path}: expected text of {count(read.x.shape[1], 'step')} for every sequence"
        )
    if not nan:
        _refuse_nan(read, path)
    return read


def _arrays(path: Path) -> ModelInputs:
    try:
        # Opened here, as np.load leaves a file that is no zip open.
        with path.open("rb") as opened:
            loaded = np.load(opened, allow_pickle=False)
            arrays = {"x": loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
    except (ValueError, EOFError, OSError, BadZipFile) as error:
        raise DataError(f"{path}: expected numbers in NumPy's format, got: {error}") from error
    if "x" not in arrays:
        raise DataError(
            f"{path}: expected an array named x, found {', '.join(arrays) or 'nothing'}"
        )
    text = arrays.get("text")
    rows = None if text is None else np.atleast_2d(text)
    return ModelInputs(
        x=np.asarray(arrays["x"]),
        inputs=_words(arrays.get("inputs")),
        labels=None if "labels" not in arrays else _words(arrays["labels"]),
        names=_words(arrays.get("names")),
        text=None if rows is None else tuple(_words(row) for row in rows),
        lengths=arrays.get("lengths"),
    )


def _words(array: Array | None) -> tuple[str, ...]:
    return () if array is None else tuple(str(word) for word in np.ravel(array))


def _table(path: Path, width: int | None, inputs: Sequence[str]) -> ModelInputs:
    # Arrays need no pandas, tables do.
    from glasscell.data.numerals import is_missing, looks_like_number
    from glasscell.data.rawtable import filled_cells
    from glasscell.data.readers import open_source

    source = open_source(path)
    if missing := [name for name in inputs if name not in source.names]:
        raise DataError(
            f"{path}: expected the columns of --inputs, found no {', '.join(missing)}; there are "
            f"{', '.join(source.names)}"
        )
    cells = filled_cells(source.names, source.sample)
    numeric = [
        name
        for name, filled in cells.items()
        if all(_NUMBER.fullmatch(c) or looks_like_number(c) for c in filled if not is_missing(c))
    ]
    chosen = list(inputs) or numeric
    wanted = 1 if width is None else width
    if len(chosen) != wanted:
        raise DataError(
            f"{path}: expected {count(wanted, 'input column')} (I = {wanted} of the "
            f"model), found {len(chosen)}: {', '.join(chosen) or 'none'}; choose them in the "
            "model's order with --inputs a,b"
        )
    label = next((name for name in source.names if name not in numeric), None)
    table = source.body(chosen, [] if label is None else [label])
    columns = [table.numbers(name) for name in chosen]
    x = np.stack(columns, axis=1)
    if width is None:
        x = x[:, 0]
    return ModelInputs(
        x=x,
        inputs=tuple(chosen) if width is not None else (),
        labels=None if label is None else tuple(str(cell or "") for cell in table.text(label)),
    )


def _checked(x: Array, width: int | None, path: Path) -> Array:
    """(B, T, I) float or (B, T) int64."""
    letters = "(B, T) or (T,) integers" if width is None else f"(B, T, {width}) or (T, {width})"
    if x.dtype.kind not in "iufb":
        raise DataError(f"{path}: expected x of {letters}, numbers, got {x.dtype}")
    axes = 2 if width is None else 3
    if width == 1 and x.ndim in (1, 2) and x.shape[-1] != 1:
        x = x[..., None]
    x = x[None] if x.ndim == axes - 1 else x
    if x.ndim != axes or 0 in x.shape[:2] or (width is not None and x.shape[2] != width):
        raise DataError(f"{path}: expected x of shape {letters}, with a step in it, got {x.shape}")
    if width is not None:
        return x.astype(np.float64 if x.dtype == np.float64 else np.float32)
    whole = np.nan_to_num(x)
    if (np.rint(whole) != x).any():
        raise DataError(f"{path}: expected integers for the model's Embedding, got other numbers")
    return x.astype(np.int64)


def _lengths(lengths: Array | None, x: Array, path: Path) -> Array | None:
    if lengths is None:
        return None
    batch, steps = x.shape[:2]
    fits = lengths.dtype.kind in "iu" and lengths.shape == (batch,)
    if not fits or lengths.min() < 1 or lengths.max() > steps:
        raise DataError(
            f"{path}: expected lengths as {batch} integers in 1 … {steps}, one for each sequence, "
            f"got {lengths.dtype} of shape {lengths.shape}"
            + (f", {lengths.min()} … {lengths.max()}" if fits else "")
        )
    return lengths.astype(np.int64)


def _ended(x: Array, lengths: Array | None) -> Array:
    """Put zeros after the end of each sequence: what stands there is never read."""
    if lengths is None:
        return x
    over = np.arange(x.shape[1]) >= lengths[:, None]
    return np.where(over if x.ndim == 2 else over[:, :, None], 0, x).astype(x.dtype)


def _refuse_nan(read: ModelInputs, path: Path) -> None:
    bad = ~np.isfinite(read.x)
    if not bad.any():
        return
    where = np.argwhere(bad)[0]
    sequence, step = int(where[0]), int(where[1])
    column = read.inputs[int(where[2])] if read.inputs else f"input {int(where[2])}"
    place = f"{column}, step {step}" + (f", sequence {sequence}" if len(read.x) > 1 else "")
    raise DataError(
        f"{path}: expected finite numbers, found {int(bad.sum())} that are not, first in {place}; "
        "correct the data, or see what they do: glasscell inspect … --nan show"
    )
