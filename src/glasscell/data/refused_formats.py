"""Names the formats that are not read, and says what to do with such a file."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from glasscell.errors import DataError

_FRAME = "export it as CSV, or give the function glasscell.tasks.forecast.fit the data frame"
_UNPACK = "unpack it first"
EXPECTED = "expected text with separated values"
_FIRST_BYTES = (
    (b"ARROW1", "an Arrow (Feather) file", _FRAME),
    (b"FEA1", "a Feather file", _FRAME),
    (b"ORC", "an ORC file", _FRAME),
    (b"Obj\x01", "an Avro file", _FRAME),
    (b"\x89HDF", "an HDF5 file", _FRAME),
    (b"CDF\x01", "a NetCDF file", _FRAME),
    (b"CDF\x02", "a NetCDF file", _FRAME),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)", "save the sheet as CSV in UTF-8"),
    (b"SQLite format 3", "an SQLite database", _FRAME),
    (b"\x93NUMPY", "a NumPy array", "give a data frame with a column of times"),
    (b"MATLAB 5.0", "a MATLAB file", _FRAME),
    (b"<stata_dta>", "a Stata file", _FRAME),
    (b"$FL2", "an SPSS file", _FRAME),
    (b"RDX", "an R data file", "write it with write.csv in R"),
    (b"RDA", "an R data file", "write it with write.csv in R"),
    (b"%PDF", "a PDF", "export the table as CSV"),
    (b"\x28\xb5\x2f\xfd", "a file compressed with zstd", _UNPACK),
    (b"BZh", "a file compressed with bzip2", _UNPACK),
    (b"\xfd7zXZ", "a file compressed with xz", _UNPACK),
    (b"7z\xbc\xaf", "a 7z archive", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"\x80\x04\x95", "a pickle", _FRAME),
    (b"\x80\x05\x95", "a pickle", _FRAME),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "run git lfs pull"),
)
_WITHIN_ZIP = (
    ("xl/", "an Excel workbook (.xlsx)", "save the sheet as CSV in UTF-8, or give fit() the frame"),
    ("mimetype", "an OpenDocument spreadsheet", "save the sheet as CSV in UTF-8"),
)
_FIRST_LETTERS = (
    ("{", "JSON", _FRAME),
    ("[{", "JSON", _FRAME),
    ("[[", "JSON", _FRAME),
    ("[\n", "JSON", _FRAME),
    ("<!doctype html", "a web page (HTML)", "download the file itself"),
    ("<html", "a web page (HTML)", "download the file itself"),
    ("<?xml", "XML", _FRAME),
    ("<", "XML or HTML", _FRAME),
    ("@relation", "a Weka (ARFF) file", _FRAME),
)


def refuse(path: Path, head: bytes) -> None:
    """Refuse a file whose first bytes are those of a format that is not read.

    Raises:
        DataError: They are.
    """
    kind = advice = ""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        kind, advice = _within_zip(path)
    for magic, known, what_to_do in _FIRST_BYTES:
        if head.startswith(magic):
            kind, advice = known, what_to_do
    if kind:
        raise DataError(f"{path}: {EXPECTED}, got {kind} (binary data); {advice}")


def refuse_text(path: Path, text: str) -> None:
    """Refuse a text that begins as one that is no table.

    Raises:
        DataError: It does.
    """
    start = text.lstrip().lower().replace("\r", "").replace("[ ", "[")
    if re.match(r"<(date|ticker|dtyyyymmdd)>", start):
        # Trading programs write the names of their columns so.
        return
    for mark, kind, advice in _FIRST_LETTERS:
        if start.startswith(mark):
            raise DataError(f"{path}: {EXPECTED}, got {kind}; {advice}")


def _within_zip(path: Path) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            inside = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        inside = []
    for mark, kind, advice in _WITHIN_ZIP:
        if any(name.startswith(mark) for name in inside):
            return kind, advice
    held = f" with {', '.join(inside[:3])}" if inside else ""
    return f"a zip archive{held}", _UNPACK
