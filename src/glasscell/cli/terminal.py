"""Standard input read as a file, and standard output for people and for programs."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from glasscell.errors import DataError
from glasscell.files import STANDARD_INPUT

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


def print_json(content: Any) -> None:
    """Print what --json asks for; a number that is not finite is an error."""
    print(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))


def say(console: Any, text: str, soft_wrap: bool = True) -> None:
    """Print a text on a console of rich as it is: nothing in it is colour or markup."""
    console.print(text, highlight=False, markup=False, soft_wrap=soft_wrap)


def say_inspect(console: Any, run: Path) -> None:
    """Print how to look inside a run's network."""
    say(console, f"Look inside: glasscell inspect {shlex.quote(str(run))}")
