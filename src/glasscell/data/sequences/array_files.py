"""Reads .npz and .npy files, block by block, so that float64 on disk is never whole in memory."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.data.sequences.array_forms import content_of
from glasscell.data.sequences.content import Content, joined
from glasscell.data.sequences.long_columns import GROUP_NAMES
from glasscell.data.sequences.reading_options import Known, ReadingOptions
from glasscell.data.wording import few
from glasscell.errors import DataError

OTHER_NAMES = {
    **dict.fromkeys(GROUP_NAMES, "groups"),
    "x": "X",
    "data": "X",
    "labels": "y",
    "label": "y",
    "target": "y",
    "targets": "y",
}
READ = ("X", "y", "lengths", "offsets", "groups", "names", "features")
PARTS = {
    "train": ("train",),
    "validation": ("val", "valid", "validation"),
    "test": ("test",),
}
"""Parts, and the ends of the names of their arrays; validation need not be there."""
NUMPY: Any = np.lib.format
EXPECTED = "X, y, and as there are lengths, groups, names, features"


@dataclass(frozen=True, eq=False)
class StoredArray:
    """An array in a file: its shape is known, its rows are read when they are asked for.

    Args:
        file: The .npz or .npy file.
        member: Name inside of the .npz, None for a .npy.
        shape: Sizes.
        dtype: Type of an element.
        by_rows: Whether the first axis is the outermost in the file.
    """

    file: Path
    member: str | None
    shape: tuple[int, ...]
    dtype: Any
    by_rows: bool

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def blocks(self, rows: int) -> Iterator[Array]:
        """Give so many entries of the first axis at a time."""
        with _stream(self.file, self.member) as stream:
            _header(stream)
            row = int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize
            for first in range(0, len(self), rows):
                here = min(rows, len(self) - first)
                raw = stream.read(here * row)
                if len(raw) < here * row:
                    raise DataError(f"{self.file}: the file ends within {self.member or 'X'}; "
                                    "write it again")  # fmt: skip
                yield np.frombuffer(raw, self.dtype).reshape(here, *self.shape[1:])

    def by_columns(self) -> Array:
        """Give an array whose last axis is the outermost in the file, as float32."""
        whole = np.empty(self.shape, np.float32)
        with _stream(self.file, self.member) as stream, np.errstate(over="ignore"):
            _header(stream)
            inner = self.shape[:-1]
            size = int(np.prod(inner, dtype=np.int64)) * self.dtype.itemsize
            for place in range(self.shape[-1]):
                column = np.frombuffer(stream.read(size), self.dtype)
                whole[..., place] = column.reshape(inner, order="F")
        return whole

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        with _stream(self.file, self.member) as stream:
            array: Array = NUMPY.read_array(stream, allow_pickle=False)
        return array if dtype is None else array.astype(dtype)


def read_array_file(data: Any, options: ReadingOptions, known: Known | None) -> Content | None:
    """Read a .npz or .npy file.

    Args:
        data: Its path. A .npz holds X and y, and as there are lengths (or offsets), groups, names
            and features; or X_train, y_train, X_test and y_test.
        options: Layout, and whether there is a label a step.
        known: What the run knows of its features.

    Returns:
        The content, or None where the data are no such file.

    Raises:
        DataError: The file is damaged, holds pickled objects, or arrays that do not fit.
    """
    if not isinstance(data, str | Path) or Path(data).suffix.lower() not in (".npz", ".npy"):
        return None
    path = Path(data)
    if not path.is_file():
        raise DataError(
            f"{path}: expected a file, found {'a folder' if path.is_dir() else 'nothing'}"
        )
    try:
        arrays = stored_arrays(path)
    except DataError:
        raise
    except (zipfile.BadZipFile, OSError, ValueError, EOFError) as error:
        raise DataError(
            f"{path}: expected arrays of NumPy, got a damaged file ({error})"
        ) from error
    named = {OTHER_NAMES.get(name.lower(), name): array for name, array in arrays.items()}
    small = {name: array if name[:1] in "xX" else np.asarray(array)
             for name, array in named.items()}  # fmt: skip
    parts = {part: _part(small, ends) for part, ends in PARTS.items()}
    if "X" not in small and "X" in parts["train"] and "X" in parts["test"]:
        parts = {part: held for part, held in parts.items() if "X" in held}
        read = [content_of(held, options, known, path.name) for held in parts.values()]
        held = {id(part[name]) for part in parts.values() for name in READ if name in part}
        beside = [name for name, array in small.items() if id(array) not in held]
        return _noted(joined(read, tuple(parts)), arrays, beside, known)
    if "X" not in small:
        raise DataError(
            f"{path}: expected {EXPECTED}, got {few(sorted(arrays)) or 'nothing'}; save it with "
            "numpy.savez(path, X=…, y=…)"
        )
    beside = [name for name in small if name not in READ]
    return _noted(content_of(small, options, known, path.name), arrays, beside, known)


def _noted(
    content: Content, arrays: Mapping[str, Any], beside: Sequence[str], known: Known | None
) -> Content:
    """Say which array tells whom a sequence comes from, and which arrays were not read."""
    notes = []
    owner = next((name for name in arrays if name.lower() in GROUP_NAMES), None)
    if owner is not None and known is None:
        notes.append(f"Array {owner!r} says whom a sequence comes from: what is from one never "
                     "lies in two parts.")  # fmt: skip
    if beside:
        notes.append(f"Arrays not read: {few(beside, 20)}.")
    return replace(content, notes=[*notes, *content.notes])


def stored_arrays(path: Path) -> dict[str, StoredArray]:
    """Give the arrays of a file by name, X for the one of a .npy.

    Raises:
        DataError: One holds pickled objects.
    """
    members: list[str | None] = [None]
    if path.suffix.lower() == ".npz":
        with zipfile.ZipFile(path) as archive:
            members = [name for name in archive.namelist() if name.endswith(".npy")]
    arrays = {}
    for member in members:
        with _stream(path, member) as stream:
            shape, fortran, dtype = _header(stream)
        name = "X" if member is None else member.removesuffix(".npy")
        if dtype.hasobject:
            raise DataError(
                f"{path}: expected numbers in {name}, got pickled objects, which are not opened "
                "as they can run code; save sequences of different lengths one after another, "
                "X=numpy.concatenate(sequences) of shape (steps, features), with lengths=[…]"
            )
        arrays[name] = StoredArray(path, member, shape, dtype, not fortran or len(shape) < 2)
    return arrays


def _part(arrays: Mapping[str, Any], ends: Sequence[str]) -> dict[str, Any]:
    """Give the arrays of one part under their names without its end."""
    found = {}
    for name, array in arrays.items():
        plain, _, end = name.rpartition("_")
        if plain and end.lower() in ends:
            found[OTHER_NAMES.get(plain.lower(), plain)] = array
    return found


@contextmanager
def _stream(file: Path, member: str | None) -> Iterator[Any]:
    if member is None:
        with file.open("rb") as stream:
            yield stream
        return
    with zipfile.ZipFile(file) as archive, archive.open(member) as stream:
        yield stream


def _header(stream: Any) -> tuple[tuple[int, ...], bool, Any]:
    version = NUMPY.read_magic(stream)
    one = version == (1, 0)
    read: Any = NUMPY.read_array_header_1_0 if one else NUMPY.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    return shape, fortran, dtype
