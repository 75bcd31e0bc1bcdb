"""Tells which task a file or folder asks for: forecasting, labelled sequences, or text."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal, get_args

from glasscell.data.columns import SERIES_NAMES, TARGET_NAMES, TIME_NAMES
from glasscell.data.jsonfile import SUFFIXES as JSON_FILES
from glasscell.data.numerals import is_missing, looks_like_number
from glasscell.data.packed import first_bytes
from glasscell.data.parquet import files_of
from glasscell.data.readers import open_ahead, open_source
from glasscell.data.sequences.label_folders import HALVES
from glasscell.data.sequences.long_columns import LABEL_NAMES, SEQUENCE_NAMES
from glasscell.data.sequences.ucr_form import ENDINGS, is_half
from glasscell.data.workbook import SUFFIXES as WORKBOOKS
from glasscell.errors import DataError

__all__ = ["TASKS", "Task", "detect"]

Task = Literal["forecast", "sequences", "text"]
TASKS: tuple[Task, ...] = get_args(Task)

SEQUENCE_FILES = (".ts", ".npz", ".npy")
TEXT_FILES = ("", ".txt", ".text", ".md", ".rst", ".tex", ".tok", ".py")
STEPS_FILES = (".csv", ".tsv", ".gz", ".npy", ".npz", ".parquet")
"""What the folder of a label holds: a file for each sequence."""
TABLE_FILES = {*WORKBOOKS, *JSON_FILES, ".feather", ".arrow", ".arrows"}
SAMPLE, ROWS = 1 << 16, 40
"""Bytes and lines at a file's beginning that tell what it is."""
MARKS = ",;\t|"
ASKING = {"label", "sequence", "goal", "group", "part", "per-step"}
"""Options that say what labelled sequences are made of."""


def detect(data: str | Path, asked: Collection[str] = ()) -> Task:
    r"""Tell the task of a path; where nothing speaks for another it is forecasting.

    Args:
        data: A file or folder; one that is not there is left for the reader to refuse.
        asked: Names of the options that were given: label or sequence ask for sequences.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name, text in {"a.csv": "ds,y\n2024-01-01,3\n", "b.txt": "It was a dark night.",
    ...                        "c.csv": "sequence,x,label\n1,0.5,walk\n"}.items():
    ...         _ = Path(folder, name).write_text(text)
    ...     [detect(Path(folder, name)) for name in ("a.csv", "b.txt", "c.csv")]
    ['forecast', 'text', 'sequences']
    """
    path = Path(data)
    if ASKING & set(asked) or path.suffix.lower() in SEQUENCE_FILES:
        return "sequences"
    if path.is_dir():
        return _of_folder(path)
    if any(path.with_name(f"{path.name}_TRAIN{end}").is_file() for end in (".ts", *ENDINGS)):
        return "sequences"
    if path.is_file():
        return "sequences" if is_half(path) else _of_file(path)
    return "forecast"


def _of_folder(folder: Path) -> Task:
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    files = [entry for entry in entries if entry.is_file()]
    if any(file.suffix.lower() in SEQUENCE_FILES or is_half(file) for file in files):
        return "sequences"
    if files_of(folder):
        try:
            source = open_source(folder)
        except DataError:
            return "forecast"
        return _of_columns(source.names, source.sample)
    folders = [entry for entry in entries if entry.is_dir()]
    halves = [entry for entry in folders if entry.name.lower() in HALVES]
    labels = [entry for half in halves for entry in half.iterdir() if entry.is_dir()]
    found = [file for entry in (*folders, *labels) for file in entry.iterdir()]
    if any(file.suffix.lower() in STEPS_FILES for file in found):
        return "sequences"
    inside = [file for file in folder.rglob("*") if file.is_file()]
    texts = [file for file in inside if file.suffix.lower() in TEXT_FILES]
    return "text" if texts and len(texts) == len(inside) else "forecast"


def _of_file(path: Path) -> Task:
    suffix = path.suffix.lower()
    try:
        if suffix == ".parquet" or {part.lower() for part in path.suffixes} & TABLE_FILES:
            source = open_ahead(path)
            return _of_columns(source.names, source.sample)
        head = first_bytes(path, SAMPLE)
    except (OSError, DataError):
        return "forecast"
    lines = head.decode("utf-8", errors="replace").lstrip("\ufeff").splitlines()[:ROWS]
    if suffix in TEXT_FILES and not _is_table(lines):
        return "forecast" if b"\0" in head or not head.strip() else "text"
    filled = [line for line in lines if line.strip()] or [""]
    mark = max(MARKS, key=filled[0].count)
    names, *rows = [[cell.strip() for cell in row] for row in csv.reader(filled, delimiter=mark)]
    return _of_columns(names, rows)


def _of_columns(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Task:
    """Tell the task by the names of columns, and by whether sequences have several rows.

    A label that may be a column to forecast asks for sequences only where the name of the sequence
    is none of a series, and comes several times: one that counts the rows never does. A label in
    words asks for them without such a name too, so that the reader says which name it misses; not
    where every row has a time of its own, as a series with remarks.
    """
    there = [name.lower() for name in names]
    labels = {name for name in there if name in LABEL_NAMES}
    named = [place for place, name in enumerate(there) if name in SEQUENCE_NAMES]
    if named and labels - set(TARGET_NAMES):
        return "sequences"
    for place in named if labels else ():
        cells = _cells(rows, place)
        if there[place] not in (*SERIES_NAMES, "id") and len(set(cells)) < len(cells):
            return "sequences"
    told = [place for place, name in enumerate(there) if name in labels - set(TARGET_NAMES)]
    if any(_is_text(_cells(rows, place)) for place in told):
        times = [_cells(rows, place) for place, name in enumerate(there) if name in TIME_NAMES]
        if not any(len(set(cells)) == len(cells) for cells in times):
            return "sequences"
    return "forecast"


def _cells(rows: Sequence[Sequence[str]], place: int) -> list[str]:
    return [row[place] for row in rows if place < len(row)]


def _is_text(cells: Sequence[str]) -> bool:
    known = [cell for cell in cells if not is_missing(cell)]
    return bool(known) and not any(map(looks_like_number, known))


def _is_table(lines: list[str]) -> bool:
    """Tell whether lines have the same number of separators each, and numbers in the last."""
    filled = [line for line in lines if line.strip()]
    if len(filled) > 2 and len(lines) == ROWS:
        filled.pop()  # the sample may end in the middle of it
    for mark in MARKS:
        counts = {line.count(mark) for line in filled}
        if len(filled) > 1 and len(counts) == 1 and counts != {0}:
            return bool(re.search(rf"(^|{re.escape(mark)})\s*[-+]?[\d.]", filled[-1]))
    return False
