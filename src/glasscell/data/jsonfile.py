"""Reads JSON and JSON lines as tables: a list of records, columns, or a record a line."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from glasscell.data.packed import DAMAGES, beginning, damaged, unpacked
from glasscell.data.rawtable import FrameSource, open_frame
from glasscell.data.wording import count, few
from glasscell.errors import DataError

SUFFIXES = (".json", ".jsonl", ".ndjson")
SHAPES = "a list of records [{...}, ...], a record a line, or columns {name: [...], ...}"


def open_json(path: Path, head: bytes) -> FrameSource | None:
    """Open a file of JSON, or with a JSON object on each line, plain or packed.

    Args:
        path: The file.
        head: Its first bytes.

    Raises:
        DataError: It is damaged, no table, or has values within values.
    """
    start = beginning(path, head).lstrip(b"\xef\xbb\xbf \t\r\n")
    # Names of columns stand in brackets in some CSV files: [Date],[Sales].
    if not re.match(rb"\{|\[\s*([\[{\]]|$)", start):
        return None
    try:
        with unpacked(path) as stream:
            text = stream.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected JSON in UTF-8, got other bytes ({error})") from error
    except DAMAGES as error:
        raise damaged(path, error) from error
    notes: list[str] = []
    frame = _frame(_parsed(text, path), path, notes)
    _require_flat(frame, path)
    return open_frame(frame, path.name, tuple(notes))


def _parsed(text: str, path: Path) -> Any:
    """Parse one document, or one on every line."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        first = text.lstrip().split("\n", 1)[0]
        if not (error.msg == "Extra data" and _is_object(first)):
            raise DataError(
                f"{path}, line {error.lineno}, column {error.colno}: expected JSON, got something "
                f"else ({error.msg}); a file that ends in the middle was cut short"
            ) from error
    records = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            record = None
        if not isinstance(record, dict):
            raise DataError(
                f"{path}, line {number}: expected a JSON object such as "
                f"{first[:60]}, got {line.strip()[:60]!r}"
            )
        records.append(record)
    return records


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except json.JSONDecodeError:
        return False


def _frame(content: Any, path: Path, notes: list[str]) -> pd.DataFrame:
    if isinstance(content, list):
        return _of_records(content, path, notes)
    if {"columns", "data"} <= content.keys():
        try:
            return pd.DataFrame(content["data"], columns=content["columns"])
        except (ValueError, TypeError) as error:
            raise DataError(
                f"{path}: expected rows as wide as the {len(content['columns'])} columns, got "
                f"others ({error})"
            ) from error
    values = list(content.values())
    tables = [name for name, value in content.items() if _is_records(value)]
    if len(tables) == 1:
        others = [name for name in content if name not in (tables[0], "schema")]
        if others:
            notes.append(f"Records of {tables[0]!r} were read, not {few(others)}.")
        return _of_records(content[tables[0]], path, notes)
    if values and all(isinstance(value, list) for value in values):
        lengths = {name: len(value) for name, value in content.items()}
        if len(set(lengths.values())) > 1:
            raise DataError(
                f"{path}: expected columns of one length, got "
                f"{few([f'{name} ({length})' for name, length in lengths.items()])}"
            )
        return pd.DataFrame(content)
    if values and all(isinstance(value, dict) for value in values):
        # pandas writes columns of {row: cell} by default.
        return pd.DataFrame({name: pd.Series(cells) for name, cells in content.items()})
    raise DataError(f"{path}: expected {SHAPES}; got an object with {few(list(content))}")


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _of_records(records: Sequence[Any], path: Path, notes: list[str]) -> pd.DataFrame:
    other = next((k for k, record in enumerate(records) if not isinstance(record, dict)), None)
    if other is not None or not records:
        got = "an empty list" if not records else f"{str(records[other or 0])[:40]!r}"
        raise DataError(
            f"{path}: expected {SHAPES}; got {got}" + (f" as record {other + 1}" if other else "")
        )
    names = list(dict.fromkeys(name for record in records for name in record))
    lacking = {
        name: lacks for name in names if (lacks := sum(name not in record for record in records))
    }
    if len(lacking) == len(names):
        raise DataError(
            f"{path}: expected records with the same names, but no name is in all of them; the "
            f"first has {few(list(records[0]))}, the last {few(list(records[-1]))}"
        )
    for name, lacks in list(lacking.items())[:5]:
        notes.append(f"{count(lacks, 'record')} of {len(records):,} without {name!r}: missing.")
    return pd.DataFrame({name: [record.get(name) for record in records] for name in names})


def _require_flat(frame: pd.DataFrame, path: Path) -> None:
    for name in frame:
        cells = frame[name]
        if cells.dtype != object:
            continue
        nested = cells.map(lambda cell: isinstance(cell, dict | list))
        if nested.any():
            row = int(nested.to_numpy().argmax())
            kind = "an object" if isinstance(cells.iloc[row], dict) else "a list"
            raise DataError(
                f"{path}, record {row + 1}: expected one value for {name!r}, got {kind} "
                f"({json.dumps(cells.iloc[row])[:60]}); flatten it first, for instance with "
                "pandas.json_normalize, or explode for a list"
            )
