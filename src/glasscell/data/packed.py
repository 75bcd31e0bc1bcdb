"""Opens files as they were before they were packed: gz, bz2, xz, zst, or a zip with one file."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

from glasscell.errors import DataError

DAMAGES = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, zipfile.BadZipFile, OSError)
"""What reading a damaged packed file raises."""
HEAD = 64
"""Bytes at the beginning of a file that tell its format."""

_MAGIC = {
    b"\x1f\x8b": "gz",
    b"BZh": "bz2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zst",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
}
_OPENERS: dict[str, Any] = {"": open, "gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}


def packing(head: bytes) -> str:
    """Tell by the first bytes how a file is packed; "" if it is not.

    >>> packing(b"BZh91AY"), packing(b"ds,y")
    ('bz2', '')
    """
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "")


def unpacked(path: Path) -> IO[bytes]:
    """Open the bytes of a file, unpacked on the way.

    Raises:
        DataError: It is a zip archive of several files, or zstd and pyarrow is not installed.
    """
    with path.open("rb") as stream:
        kind = packing(stream.read(8))
    if kind == "zip":
        return _only_member(path)
    if kind == "zst":
        return _zstd(path)
    opened: IO[bytes] = _OPENERS[kind](path, "rb")
    return opened


def first_bytes(path: Path, count: int) -> bytes:
    """Give the first bytes of a file as they were before it was packed.

    Raises:
        DataError: It is damaged, or `unpacked` cannot open it.
    """
    try:
        with unpacked(path) as stream:
            return stream.read(count)
    except DAMAGES as error:
        raise damaged(path, error) from error


def beginning(path: Path, head: bytes) -> bytes:
    """Give the first bytes of a file as they were before it was packed, of the first as it lies.

    Args:
        path: The file.
        head: Its first bytes; they are given back where it is not packed.
    """
    return first_bytes(path, HEAD) if packing(head) else head


def damaged(path: Path, error: Exception) -> DataError:
    """Say that a packed file is damaged."""
    with path.open("rb") as stream:
        kind = packing(stream.read(8)) or "text"
    return DataError(
        f"{path}: expected text, plain or packed, got a damaged {kind} file ({error}); download "
        "it again"
    )


def _only_member(path: Path) -> IO[bytes]:
    archive = zipfile.ZipFile(path)
    files = [
        name
        for name in archive.namelist()
        if not name.endswith("/") and not name.startswith("__MACOSX/")
    ]
    if len(files) != 1:
        held = f" of {len(files)} files ({', '.join(files[:3])} …)" if files else " without a file"
        raise DataError(
            f"{path}: expected a zip archive with one file, got one{held}; unpack it first"
        )
    try:
        return archive.open(files[0])
    except RuntimeError as error:
        raise DataError(f"{path}: {files[0]} has a password; unpack it first") from error


def _zstd(path: Path) -> IO[bytes]:
    try:
        import pyarrow
    except ImportError as error:
        raise DataError(
            f"{path}: files compressed with zstd are read by pyarrow, which is not installed; "
            "pip install 'glasscell[parquet]', or unpack the file first"
        ) from error
    opened: IO[bytes] = pyarrow.CompressedInputStream(pyarrow.OSFile(str(path)), "zstd")
    return opened
