"""Named live streams of a run's model, and the file that carries their states over a restart."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from safetensors.numpy import save as to_bytes

from glasscell.arrays import Array
from glasscell.data.wording import count
from glasscell.errors import DataError
from glasscell.files import draft
from glasscell.model.model import Model

__all__ = ["MOST", "LiveStreams", "read_states", "write_states"]

FORMAT = "glasscell-streams"
VERSION = 1
MOST = 1_000_000
"""Streams that may be open at a time; memory is taken as they are opened."""
ENTRY = "streams"
"""Metadata of the file, in JSON: which model, which names, how many rows."""


class LiveStreams:
    """States of any number of streams, each with a name, and some numbers beside each.

    Args:
        model: The model, loaded from a run folder.
        settings: preprocessing.json of the run, which the state depends on too.
        beside: Count of numbers that are remembered beside each state, NaN at first.
        most: Streams that may be open at a time.

    Attributes:
        rows: Rows that were read so far, which the file carries along; the caller counts them.

    Notes:
        A stream is opened when its name first comes; it ends with `reset`.
    """

    def __init__(
        self, model: Model, settings: Mapping[str, Any], beside: int = 0, most: int = MOST
    ) -> None:
        self._pool = model.pool(most)
        self._whose = whose(model, json.dumps(settings, sort_keys=True))
        self._ids: dict[str, int] = {}
        self._beside: dict[str, Array] = {}
        self._width = beside
        self._row = np.empty(1, np.int64)
        self.rows = 0

    def __len__(self) -> int:
        return len(self._ids)

    def beside(self, name: str) -> Array:
        """Give the numbers that are remembered for a stream: the array itself, to be written to.

        Raises:
            DataError: The stream is a new one, and there is no room for it.
        """
        self._open(name)
        return self._beside[name]

    def step(self, name: str, x: Array) -> Array:
        """Advance one stream by a step.

        Args:
            name: Its name; a new one begins a stream.
            x: (1, I) of the model's dtype, or (1,) integers.

        Returns:
            (P,) what the model gives.

        Raises:
            DataError: There is no room for a new stream.
        """
        self._row[0] = self._open(name)
        output: Array = self._pool.step(self._row, x)[0]
        return output

    def peek(self, name: str, x: Array) -> Array:
        """Give what `step` would, and leave the stream where it is."""
        at = np.array([self._open(name)])
        before = self._pool.save(at)
        output: Array = self._pool.step(at, x)[0].copy()
        self._pool.restore(at, before)
        return output

    def reset(self, name: str | None = None) -> None:
        """End one stream, or all of them; the next row of the name begins anew."""
        names = list(self._ids) if name is None else [name]
        ids = [self._ids.pop(each) for each in names if each in self._ids]
        self._pool.close(np.array(ids, np.int64))
        for each in names:
            self._beside.pop(each, None)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all states to a file, which is replaced whole or not at all.

        Raises:
            DataError: The file cannot be written.
        """
        names = list(self._ids)
        ids = np.array([self._ids[name] for name in names], np.int64)
        arrays = _flat(self._pool.save(ids))
        beside = [self._beside[name] for name in names]
        arrays["beside"] = np.array(beside, np.float64).reshape(len(names), self._width)
        write_states(path, {"run": self._whose, "rows": self.rows, "names": names}, arrays)

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Go on from a file of `save`, to the same bits as if there had been no break.

        Raises:
            DataError: The file is missing, damaged, no state, or one of another run.
        """
        about, arrays = read_states(path, self._whose)
        beside = arrays.pop("beside")
        state = _nested(arrays, self._pool.save(np.empty(0, np.int64)))
        self.reset()
        ids = self._pool.open(len(about["names"]))
        self._pool.restore(ids, state)
        self._ids = dict(zip(about["names"], ids.tolist(), strict=True))
        self._beside = {name: row.copy() for name, row in zip(self._ids, beside, strict=True)}
        self.rows = about["rows"]

    def _open(self, name: str) -> int:
        if name not in self._ids:
            if len(self) == self._pool.capacity:
                raise DataError(
                    f"expected at most {self._pool.capacity:,} streams at a time, got one more, "
                    f"{name!r}; end some by a reset"
                )
            self._ids[name] = int(self._pool.open(1)[0])
            self._beside[name] = np.full(self._width, np.nan)
        return self._ids[name]


def write_states(
    path: str | os.PathLike[str], about: Mapping[str, Any], arrays: Mapping[str, Array]
) -> None:
    """Write states to a file, which is replaced whole or not at all.

    Args:
        path: The file.
        about: What JSON can hold: which run, how many rows, which names.
        arrays: The states.

    Raises:
        DataError: The file cannot be written.
    """
    entry = {"format": FORMAT, "version": VERSION, **about}
    entry["sha256"] = _digest(entry, arrays)
    data = to_bytes(dict(arrays), {ENTRY: json.dumps(entry)})
    try:
        with draft(Path(path)) as file, file.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise DataError(f"{path}: cannot write there ({error.strerror})") from error


def read_states(
    path: str | os.PathLike[str], whose: str
) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read and check what `write_states` wrote.

    Args:
        path: The file.
        whose: The run that it has to be of.

    Raises:
        DataError: The file is missing, damaged, no state, or one of another run.
    """
    about, arrays = _read(Path(path))
    if about["run"] != whose:
        raise DataError(
            f"{path}: holds the state of another run, or of an earlier fit of this one; name "
            "another file, or delete this one to begin anew"
        )
    return about, arrays


def _flat(state: Any, path: str = "state") -> dict[str, Array]:
    """Name every array of a state by its place in it."""
    if isinstance(state, np.ndarray):
        return {path: np.ascontiguousarray(state)}
    parts = state.items() if isinstance(state, Mapping) else enumerate(state)
    found: dict[str, Array] = {}
    for place, part in parts:
        found |= _flat(part, f"{path}/{place}")
    return found


def _nested(arrays: Mapping[str, Array], like: Any, path: str = "state") -> Any:
    """Undo `_flat`, by a state of the same form."""
    if isinstance(like, np.ndarray):
        return arrays[path]
    if isinstance(like, Mapping):
        return {place: _nested(arrays, part, f"{path}/{place}") for place, part in like.items()}
    return tuple(_nested(arrays, part, f"{path}/{place}") for place, part in enumerate(like))


def _digest(about: Mapping[str, Any], arrays: Mapping[str, Array]) -> str:
    digest = hashlib.sha256(json.dumps(dict(about), sort_keys=True).encode())
    for name in sorted(arrays):
        digest.update(f"{name}{arrays[name].dtype}{arrays[name].shape}".encode())
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read and check a file of states."""
    if not path.is_file():
        raise DataError(f"{path}: expected a file of states, found none")
    try:
        with safetensors.safe_open(path, framework="np") as file:
            about = json.loads((file.metadata() or {}).get(ENTRY, "null"))
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, ValueError, OSError) as error:
        raise DataError(
            f"{path}: expected a file that glasscell stream --state wrote, got something else or a "
            f"damaged one ({error}); name another file, or delete this one to begin anew"
        ) from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise DataError(f"{path}: is no file of glasscell stream --state; name another")
    if about.get("version") != VERSION:
        raise DataError(f"{path}: expected version {VERSION}, got {about.get('version')}; update")
    if about.pop("sha256", None) != _digest(about, arrays):
        raise DataError(f"{path}: is damaged; delete it to begin anew, or take an earlier copy")
    return about, arrays


def numbers_of(row: Mapping[str, Any] | Sequence[Any] | Array, features: Sequence[str]) -> Array:
    """Give the numbers of a row in the order of the features, NaN where one is missing.

    Raises:
        DataError: A feature is not there, there are more or fewer numbers, or one is none.

    >>> numbers_of({"b": None, "a": "1.5"}, ["a", "b"])
    array([1.5, nan])
    """
    if isinstance(row, Mapping):
        if absent := [name for name in features if name not in row]:
            raise DataError(f"expected {', '.join(features)}, found no {absent[0]}")
        row = [row[name] for name in features]
    if len(row) != len(features):
        raise DataError(
            f"expected {count(len(features), 'number')} ({', '.join(features)}), got {len(row)}"
        )
    try:
        return np.array([np.nan if each is None else each for each in row], np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"expected numbers, got {list(row)}") from error


def whose(model: Model, text: str) -> str:
    """Name the streams of a model and its settings, by which a file of states is known again."""
    assert model.source is not None
    return hashlib.sha256(
        f"{model.source[1]} {hashlib.sha256(text.encode()).hexdigest()}".encode()
    ).hexdigest()
