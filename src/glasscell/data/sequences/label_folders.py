"""Reads folders: root/label/*.csv or .npy, a file per sequence, also below train/ and test/."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from glasscell.data.parquet import files_of
from glasscell.data.rawtable import Source, filled_cells
from glasscell.data.readers import open_source
from glasscell.data.sequences.array_files import stored_arrays
from glasscell.data.sequences.array_forms import content_of
from glasscell.data.sequences.content import Content, say
from glasscell.data.sequences.long_columns import SEQUENCE_NAMES, Columns, find_columns
from glasscell.data.sequences.long_form import Gathered, tables_of
from glasscell.data.sequences.reading_options import Known, ReadingOptions
from glasscell.data.wording import few
from glasscell.errors import DataError

TABLES = (".csv", ".tsv", ".txt", ".gz", ".parquet")
HALVES = {"train": "train", "training": "train", "test": "test", "testing": "test"}
LAYOUT = "expected a folder per label with .csv or .npy files in it, one a sequence"


@dataclass(frozen=True)
class Found:
    """One file.

    Args:
        path: Where it lies.
        name: What the sequence is called.
        label: The folder that it lies in, None at the root.
        part: train or test, None where the folders do not say.
    """

    path: Path
    name: str
    label: str | None
    part: str | None

    @property
    def kind(self) -> str:
        """Array or table."""
        return "array" if self.path.suffix.lower() == ".npy" else "table"


def read_label_folders(data: Any, options: ReadingOptions, known: Known | None) -> Content | None:
    """Read a folder with a file for each sequence.

    Args:
        data: The folder; those in it are the labels, or train and test with the labels below. A
            folder of tables that have a label column, or that a run is shown, needs no folders.
        options: Columns of the tables, layout of the arrays. A group that is no column is searched
            in the names of the files.
        known: What the run knows.

    Returns:
        The content, or None where the data are no folder, or one of Parquet files.

    Raises:
        DataError: The folder is empty or mixed, or a file in it cannot be used.
    """
    if not isinstance(data, str | Path) or not Path(data).is_dir():
        return None
    root, notes = Path(data), list[str]()
    entries = _visible(root)
    tables = files_of(root)
    if tables and all(entry.suffix == ".parquet" for entry in entries if entry.is_file()):
        return None
    found = _files(root, entries, notes)
    kinds = {file.kind: file for file in reversed(found)}
    if len(kinds) > 1:
        raise DataError(
            f"{root}: expected files of one kind, found a mixture: {kinds['table'].path.name} and "
            f"{kinds['array'].path.name}"
        )
    owners = None
    if options.group is not None and known is None and not _is_column(options.group, found[0]):
        owners = _owners(root, found, options.group)
        options = replace(options, group=None)
    read = _arrays if "array" in kinds else _tables
    content = read(root, found, options, known)
    if owners is not None:
        content = replace(content, group=say("group", owners))
    if found[0].label is not None and not content.labels:
        content = replace(content, labels=(say("label", [file.label for file in found]),))
    part = None if found[0].part is None else say("part", [file.part for file in found])
    if content.part is None and part is not None:
        content = replace(content, part=part)
    return replace(content, source=root.name, notes=[*notes, *content.notes])


def _is_column(name: str, file: Found) -> bool:
    return file.kind == "table" and name in open_source(file.path).names


def _owners(root: Path, found: Sequence[Found], pattern: str) -> list[str]:
    """Find in the name of each file whom it comes from.

    >>> _owners(Path("."), [Found(Path(), "walk/subject07_1", "walk", None)], r"subject([0-9]+)")
    ['07']
    """
    wanted = (
        f"{root}: expected --group as a column of the files, or as a regular expression of their "
        "names, as subject[0-9]+"
    )
    try:
        matches = [re.search(pattern, file.name) for file in found]
    except re.error as error:
        raise DataError(f"{wanted}; got {pattern!r} ({error})") from error
    for file, match in zip(found, matches, strict=True):
        if match is None:
            raise DataError(f"{wanted}; {pattern!r} is neither, as {file.name!r} is without it")
    return [m.group(1 if m.re.groups else 0) or "" for m in matches if m is not None]


def _files(root: Path, entries: Sequence[Path], notes: list[str]) -> list[Found]:
    folders = [entry for entry in entries if entry.is_dir()]
    halves = {HALVES.get(folder.name.lower()) for folder in folders}
    direct = [entry for entry in entries if entry.is_file() and _known(entry)]
    others = [entry.name for entry in entries if entry.is_file() and not _known(entry)]
    if others:
        notes.append(f"Files not read: {few(others)}.")
    if folders and direct:
        raise DataError(
            f"{root}: {LAYOUT}; found a mixture of folders ({few([f.name for f in folders])}) and "
            f"files ({few([f.name for f in direct])})"
        )
    found = [Found(file, _stem(file.name), None, None) for file in direct]
    if halves == {"train", "test"}:
        for half in folders:
            part = HALVES[half.name.lower()]
            for label in _labels(half):
                found += _sequences(label, f"{half.name}/{label.name}", part)
    elif folders:
        for label in _labels(root):
            found += _sequences(label, label.name, None)
    if not found:
        only = f", only {few(others)}" if others else ""
        raise DataError(f"{root}: {LAYOUT}; found no such file{only}")
    name, times = Counter(file.name for file in found).most_common(1)[0]
    if times > 1:
        raise DataError(
            f"{root}: the name {name!r} stands for two sequences; give each file its own"
        )
    return found


def _labels(folder: Path) -> list[Path]:
    entries = _visible(folder)
    stray = [entry.name for entry in entries if entry.is_file() and _known(entry)]
    if stray:
        raise DataError(f"{folder}: {LAYOUT}; found {few(stray)} beside the folders")
    labels = [entry for entry in entries if entry.is_dir()]
    if not labels:
        raise DataError(f"{folder}: {LAYOUT}; the folder is empty")
    return labels


def _sequences(folder: Path, name: str, part: str | None) -> list[Found]:
    entries = _visible(folder)
    odd = [entry.name for entry in entries if not entry.is_file() or not _known(entry)]
    if odd:
        raise DataError(
            f"{folder}: {LAYOUT}; found {few(odd)}; take them out, or put them one folder up"
        )
    if not entries:
        raise DataError(f"{folder}: expected sequences of label {folder.name!r}, found none")
    return [Found(e, f"{name}/{_stem(e.name)}", folder.name, part) for e in entries]


def _arrays(
    root: Path, found: Sequence[Found], options: ReadingOptions, known: Known | None
) -> Content:
    sequences = []
    for file in found:
        try:
            sequences.append(np.asarray(stored_arrays(file.path)["X"]))
        except DataError:
            raise
        except (OSError, ValueError, EOFError) as error:
            raise DataError(
                f"{file.path}: expected an array of NumPy, got a damaged file ({error})"
            ) from error
        if not sequences[-1].size:
            raise DataError(f"{file.path}: the sequence is empty; take the file out")
    names = [file.name for file in found]
    return content_of({"X": sequences, "names": names}, options, known, root.name)


def _tables(
    root: Path, found: Sequence[Found], options: ReadingOptions, known: Known | None
) -> Content:
    gathered: Gathered | None = None
    columns: Columns | None = None
    names: tuple[str, ...] = ()
    several = ""
    for file in found:
        source = open_source(file.path)
        several = several or _names_several(source, file)
        if columns is None or set(source.names) != set(names):
            here = _columns(source, file, options, known)
            if columns is not None and gathered is not None:
                _require_same(columns, here, found[0], file)
            else:
                columns, names = here, source.names
                gathered = Gathered(columns, options.per_step)
        assert gathered is not None
        rows = gathered.rows
        for table in tables_of(source, columns, options):
            gathered.add(replace(table, where=_within(file, table.where)), file.name)
        if gathered.rows == rows:
            raise DataError(f"{file.path}: the sequence is empty: no rows below the header; take "
                            "the file out")  # fmt: skip
    assert gathered is not None
    assert columns is not None
    try:
        return gathered.content([*columns.notes, *filter(None, [several])])
    except DataError as error:
        raise DataError(f"{error}. {several}" if several else str(error)) from error


def _names_several(source: Source, file: Found) -> str:
    """Say which column of a file names several sequences by its name and cells, "" if none does."""
    for name, cells in filled_cells(source.names, source.sample).items():
        if name.lower() in SEQUENCE_NAMES and 1 < len(set(cells)) < len(cells):
            return (
                f"Each file of a folder is read as one sequence, but column {name!r} names several "
                f"in {file.name}: if they are, write all files into one table, or as Parquet, of "
                "which a folder is one table."
            )
    return ""


def _within(file: Found, where: Callable[[int], str]) -> Callable[[int], str]:
    return lambda row: f"{file.name}, {where(row)}"


def _columns(source: Source, file: Found, options: ReadingOptions, known: Known | None) -> Columns:
    cells = filled_cells(source.names, source.sample)
    labelled = options.per_step or file.label is None
    try:
        return find_columns(cells, options, known, alone=True, labelled=labelled)
    except DataError as error:
        raise DataError(f"{file.path}: {error}") from error


def _require_same(first: Columns, here: Columns, one: Found, other: Found) -> None:
    odd = sorted(set(first.features) ^ set(here.features))
    if odd or set(first.all_but_features) != set(here.all_but_features):
        odd = odd or sorted(set(first.all_but_features) ^ set(here.all_but_features))
        raise DataError(
            f"features come and go between the files: {few(odd)} "
            f"{'is' if len(odd) == 1 else 'are'} in one of {one.path} and {other.path} only; write "
            "the same columns into each, or name those that all have with --features"
        )


def _visible(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith((".", "__")))


def _known(file: Path) -> bool:
    return file.suffix.lower() in (*TABLES, ".npy") and not re.match(
        r"readme|licen[cs]e", file.name, re.IGNORECASE
    )


def _stem(name: str) -> str:
    """Give a file's name without what says its kind.

    >>> _stem("walk.1.csv.gz"), _stem("a.npy")
    ('walk.1', 'a')
    """
    return re.sub(r"(\.(csv|tsv|txt|npy|parquet))?(\.gz)?$", "", name, flags=re.IGNORECASE)
