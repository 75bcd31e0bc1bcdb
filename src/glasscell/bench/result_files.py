"""Writes a result: JSON, and the chart beside it; nothing is overwritten unasked."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from glasscell.bench.chart import chart
from glasscell.errors import DataError
from glasscell.files import write_text

__all__ = ["Files", "place", "write"]

NAME = "bench"


class Files(NamedTuple):
    """Where a result goes."""

    json: Path
    svg: Path


def place(out: str, *, force: bool = False) -> Files:
    """Decide where a result goes, before anything is measured.

    Args:
        out: A folder, for bench.json and bench.svg; or NAME.json, with NAME.svg beside it.
        force: Whether files that are there may be replaced.

    Raises:
        DataError: A file is there, or the place cannot be written.
    """
    path = Path(out)
    files = (
        Files(path, path.with_suffix(".svg"))
        if path.suffix == ".json"
        else Files(path / f"{NAME}.json", path / f"{NAME}.svg")
    )
    if path.suffix != ".json" and os.path.lexists(path) and not path.is_dir():
        raise DataError(f"--out: expected a folder or NAME.json, {path} is neither")
    for file in files:
        if file.is_dir():
            raise DataError(f"--out: expected a file at {file}, found a folder; choose another")
        if os.path.lexists(file) and not force:
            raise DataError(f"{file} exists; choose another --out, or replace it with --force")
    folder = files.json.parent
    above = next(p for p in (folder, *folder.parents) if p.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise DataError(f"--out: {above} cannot be written to; choose another place")
    return files


def write(result: dict[str, Any], files: Files) -> None:
    """Write both files, each whole or not at all."""
    files.json.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False)
    for file, content in ((files.json, text + "\n"), (files.svg, chart(result))):
        write_text(file, content, force=True)
