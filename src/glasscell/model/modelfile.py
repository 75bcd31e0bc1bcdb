"""A model folder on disk: config.json and model.safetensors, written whole or not at all.

config.json::

    {"format": "glasscell", "version": 1, "model": {"type": "LSTM", ...}, "sha256": {...}}

Version 2 is the same with compressed weights, see `glasscell.model.nodes.compressed`; a
model without them is written as version 1, which older programs read.

A recurrent layer of a cell that torch has no name for has its description in its node, as "cell":
letters, numbers and the program of its step, a short list of operations. Nothing in it can run.

The two digests say that neither file has changed since it was written: a damaged folder is refused,
never half loaded. Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import safetensors

from glasscell.arrays import Array
from glasscell.errors import WeightFormatError
from glasscell.files import draft, draft_folder

__all__ = ["CONFIG", "TENSORS", "VERSION", "digest", "read", "write"]

CONFIG = "config.json"
TENSORS = "model.safetensors"
FORMAT = "glasscell"
VERSION = 2

_LARGEST_CONFIG = 1 << 24
_DTYPES = {"F32": "<f4", "F64": "<f8"}
# From version 2 on; bfloat16 goes as its bits.
_COMPRESSED = {"BF16": "<u2", "I8": "i1"}


def write(
    folder: str | os.PathLike[str],
    tree: dict[str, Any],
    arrays: Mapping[str, Array],
    force: bool = False,
) -> Path:
    """Write a model folder.

    Args:
        folder: Where; its parents are created.
        tree: The "model" of config.json.
        arrays: Torch's parameter names to arrays, float32 or float64; compressed ones uint16 (the
            bits of bfloat16) or int8.
        force: Write into a folder that exists. Only config.json and model.safetensors are replaced,
            and only if the config.json there is glasscell's own; default False.

    Returns:
        The folder.

    Raises:
        FileExistsError: Something is there already that may not be replaced.

    Notes:
        A new folder appears in one rename, complete. In an existing one each file is replaced by a
        rename; a crash between the two leaves a folder that `read` refuses.
    """
    folder = Path(folder)
    exists = os.path.lexists(folder)
    if exists:
        _require_replaceable(folder, force)
    files = _encode(tree, arrays)
    if not exists:
        with draft_folder(folder) as beside:
            for name, data in files.items():
                _write_synced(beside / name, data)
        return folder
    # The stack unwinds from its end: the weights, opened last, are replaced before config.json.
    with ExitStack() as drafts:
        for name, data in reversed(files.items()):
            _write_synced(drafts.enter_context(draft(folder / name)), data)
    return folder


def read(folder: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read a model folder.

    Args:
        folder: What `write` wrote.

    Returns:
        The "model" of config.json, and names to arrays.

    Raises:
        FileNotFoundError: There is no such folder.
        WeightFormatError: The folder is damaged, incomplete, or of a newer version.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"expected a model folder, found none at {folder}")
    config = _read_config(folder / CONFIG)
    data = _read_bytes(folder / TENSORS)
    digests = config["sha256"]
    for name, digest in (("model", _digest_tree(config["model"])), (TENSORS, _digest(data))):
        if not isinstance(digests, dict) or digests.get(name) != digest:
            file = CONFIG if name == "model" else TENSORS
            _refuse(
                folder / file,
                f"changed since it was saved: sha256 is not what {CONFIG} says it was",
            )
    dtypes = _DTYPES if config["version"] == 1 else _DTYPES | _COMPRESSED
    return config["model"], _decode(folder / TENSORS, data, dtypes)


def digest(folder: str | os.PathLike[str]) -> str:
    """Give the digest of a folder's weights that its config.json holds, without reading them."""
    digests: dict[str, str] = _read_config(Path(folder) / CONFIG)["sha256"]
    return digests[TENSORS]


def _require_replaceable(folder: Path, force: bool) -> None:
    if not folder.is_dir():
        raise FileExistsError(f"expected a folder at {folder}, found a file; choose another name")
    if not force:
        raise FileExistsError(
            f"expected no folder at {folder}, found one; choose another name, or pass force=True "
            f"to replace its {CONFIG} and {TENSORS}"
        )
    if not any(os.path.lexists(folder / name) for name in (CONFIG, TENSORS)):
        return
    try:
        ours = json.loads((folder / CONFIG).read_bytes()).get("format") == FORMAT
    except (OSError, ValueError, AttributeError, RecursionError):
        ours = False
    if not ours:
        raise FileExistsError(
            f"expected {folder} to hold a model of glasscell or none, found a {CONFIG} or "
            f"{TENSORS} that glasscell did not write; choose another name, or delete it yourself"
        )


def _encode(tree: dict[str, Any], arrays: Mapping[str, Array]) -> dict[str, bytes]:
    compressed = any(array.dtype.kind != "f" for array in arrays.values())
    data = _serialize({name: np.ascontiguousarray(a) for name, a in arrays.items()})
    config = {
        "format": FORMAT,
        "version": 2 if compressed else 1,
        "model": tree,
        "sha256": {"model": _digest_tree(tree), TENSORS: _digest(data)},
    }
    text = _text(config) + "\n"
    # The weights first: a folder whose config.json is there has both.
    return {TENSORS: data, CONFIG: text.encode()}


def _text(value: Any, margin: str = "\n") -> str:
    """Write JSON with an indent of two, an operation of a program on one line."""
    inner = f"{margin}  "
    if isinstance(value, dict) and value:
        parts = [f"{json.dumps(str(key))}: {_text(each, inner)}" for key, each in value.items()]
        return f"{{{inner}{f',{inner}'.join(parts)}{margin}}}"
    if isinstance(value, list) and any(isinstance(each, (dict, list)) for each in value):
        return f"[{inner}{f',{inner}'.join(_text(each, inner) for each in value)}{margin}]"
    return json.dumps(value, allow_nan=False)


def _serialize(arrays: Mapping[str, Array]) -> bytes:
    """Give the bytes of a safetensors file, whose own NumPy writer knows no bfloat16.

    A little-endian length, a JSON header padded to 8 bytes, then the numbers, widest first.
    """
    names = {np.dtype(kind): name for name, kind in (_DTYPES | _COMPRESSED).items()}
    # "pt" says to readers of other libraries that the names and layouts are those of torch.
    header: dict[str, Any] = {"__metadata__": {"format": "pt", "library_name": FORMAT}}
    parts, end = [], 0
    for name in sorted(arrays, key=lambda name: (-arrays[name].itemsize, name)):
        array = arrays[name]
        dtype = array.dtype.newbyteorder("<")
        begin, end = end, end + array.nbytes
        header[name] = {
            "dtype": names[dtype],
            "shape": array.shape,
            "data_offsets": [begin, end],
        }
        parts.append(array.astype(dtype, copy=False).tobytes())
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _read_config(path: Path) -> dict[str, Any]:
    data = _read_bytes(path, _LARGEST_CONFIG)
    try:
        config = json.loads(data)
        if type(config) is dict:
            _digest_tree(config)
    except (ValueError, RecursionError) as error:
        _refuse(path, f"expected JSON, got something else: {error}")
    if type(config) is not dict or config.get("format") != FORMAT:
        _refuse(path, f'expected a JSON object with "format": "{FORMAT}"')
    version = config.get("version")
    if type(version) is not int or version < 1:
        _refuse(path, f"expected a version from 1, got {version!r}")
    if version > VERSION:
        _refuse(
            path, f"version {version} is newer than {VERSION}, which this glasscell reads; upgrade"
        )
    if extra := config.keys() ^ {"format", "version", "model", "sha256"}:
        _refuse(path, f"missing or unexpected: {', '.join(sorted(extra))}")
    return config


def _read_bytes(path: Path, largest: int | None = None) -> bytes:
    if not path.is_file():
        _refuse(path, "expected this file, found none")
    if largest is not None and path.stat().st_size > largest:
        _refuse(path, f"expected at most {largest} bytes, got {path.stat().st_size}")
    return path.read_bytes()


def _decode(path: Path, data: bytes, dtypes: Mapping[str, str]) -> dict[str, Array]:
    try:
        entries = safetensors.deserialize(data)  # type: ignore[no-untyped-call]
        arrays = {name: _to_array(path, name, entry, dtypes) for name, entry in entries}
    except (safetensors.SafetensorError, ValueError, OverflowError) as error:
        if isinstance(error, WeightFormatError):
            raise
        _refuse(path, f"expected a safetensors file, got something else: {error}")
    floats = sorted({array.dtype.name for array in arrays.values() if array.dtype.kind == "f"})
    if not arrays or len(floats) > 1:
        _refuse(path, f"expected tensors of one dtype, got {', '.join(floats) or 'no tensor'}")
    return arrays


def _to_array(path: Path, name: str, entry: dict[str, Any], dtypes: Mapping[str, str]) -> Array:
    dtype = dtypes.get(entry["dtype"])
    if dtype is None:
        _refuse(path, f"expected {name} as {' or '.join(dtypes)}, got {entry['dtype']}")
    array = np.frombuffer(entry["data"], dtype)
    if array.size != math.prod(entry["shape"]):
        _refuse(path, f"expected {entry['shape']} numbers in {name}, got {array.size}")
    return array.reshape(entry["shape"]).astype(array.dtype.newbyteorder("="), copy=False)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _digest_tree(tree: object) -> str:
    return _digest(json.dumps(tree, sort_keys=True, separators=(",", ":")).encode())


def _refuse(path: Path, reason: str) -> NoReturn:
    raise WeightFormatError(f"{path}: {reason}")
