"""Where a command reads and may write, told before it works, and where the reader goes then."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from glasscell.errors import DataError
from glasscell.training.run_folder import STANDARD_INPUT

STANDARD = "-"
"""What stands for standard input or standard output where a file is named."""


@contextmanager
def readable(name: str) -> Iterator[str]:
    """Give a file to read: the one that is named, or one that holds standard input.

    Args:
        name: A path, or "-".
    """
    if name != STANDARD:
        yield name
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / STANDARD_INPUT
        with file.open("wb") as stream:
            shutil.copyfileobj(sys.stdin.buffer, stream)
        try:
            yield str(file)
        except DataError as error:
            raise DataError(str(error).replace(str(file), STANDARD_INPUT)) from error


def require_free(out: Path, force: bool) -> None:
    """Refuse a file that is there, unless it may be replaced, and a folder that is not.

    Args:
        out: The file that will be written.
        force: Whether a file that is there may be replaced.

    Raises:
        DataError: The place is taken, or its folder does not exist.
    """
    if out.is_dir():
        raise DataError(f"{out} is a folder; give --out the name of a file")
    if os.path.lexists(out) and not force:
        raise DataError(f"{out} exists; choose another --out, or replace the file with --force")
    if not out.parent.is_dir():
        raise DataError(f"{out.parent}: expected a folder for --out, found none; create it first")


def say_inspect(console: Any, run: Path) -> None:
    """Print how to look inside a run's network.

    Args:
        console: Of rich.
        run: Run folder.
    """
    command = f"glasscell inspect {shlex.quote(str(run))}"
    console.print(f"Look inside: {command}", highlight=False, markup=False, soft_wrap=True)
