"""Names the formats that are not read, and says what to do with such a file."""

from __future__ import annotations

import re
from pathlib import Path

from glasscell.data.packed import beginning, packing
from glasscell.errors import DataError

_FRAME = "export it as CSV, or give the function glasscell.tasks.forecast.fit the data frame"
_UNPACK = "unpack it first"
EXPECTED = "expected text with separated values"
_FIRST_BYTES = (
    (b"ORC", "an ORC file", _FRAME),
    (b"Obj\x01", "an Avro file", _FRAME),
    (b"\x89HDF", "an HDF5 file", _FRAME),
    (b"CDF\x01", "a NetCDF file", _FRAME),
    (b"CDF\x02", "a NetCDF file", _FRAME),
    (b"SQLite format 3", "an SQLite database", _FRAME),
    (b"\x93NUMPY", "a NumPy array", "give a data frame with a column of times"),
    (b"MATLAB 5.0", "a MATLAB file", _FRAME),
    (b"<stata_dta>", "a Stata file", _FRAME),
    (b"$FL2", "an SPSS file", _FRAME),
    (b"RDX", "an R data file", "write it with write.csv in R"),
    (b"RDA", "an R data file", "write it with write.csv in R"),
    (b"%PDF", "a PDF", "export the table as CSV"),
    (b"7z\xbc\xaf", "a 7z archive", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"\x80\x04\x95", "a pickle", _FRAME),
    (b"\x80\x05\x95", "a pickle", _FRAME),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "run git lfs pull"),
)
_INSIDE = (
    (b"PAR1", "a Parquet file", _UNPACK),
    (b"PK\x03\x04", "a zip archive or a workbook", _UNPACK),
    (b"\xd0\xcf\x11\xe0", "a workbook (.xls)", _UNPACK),
    (b"ARROW1", "an Arrow file", _UNPACK),
    (b"\x1f\x8b", "a gz file", _UNPACK),
)
"""What is read, but not out of a packed file."""
_FIRST_LETTERS = (
    ("<!doctype html", "a web page (HTML)", "download the file itself"),
    ("<html", "a web page (HTML)", "download the file itself"),
    ("<?xml", "XML", _FRAME),
    ("<", "XML or HTML", _FRAME),
    (
        "@relation",
        "a Weka (ARFF) file",
        "read it with scipy.io.arff or aeon.datasets.load_from_arff_file, and save CSV or .npz",
    ),
)


def refuse(path: Path, head: bytes) -> None:
    """Refuse a file whose first bytes are those of a format that is not read, packed or not.

    Raises:
        DataError: They are.
    """
    packed = packing(head)
    head = beginning(path, head)
    for magic, kind, advice in (*_FIRST_BYTES, *(_INSIDE if packed else ())):
        if head.startswith(magic):
            within = f"{kind} inside {packed}" if packed else f"{kind} (binary data)"
            raise DataError(f"{path}: {EXPECTED}, got {within}; {advice}")


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
