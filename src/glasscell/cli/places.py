"""Where a command may write, told before it works, and where the reader goes from there."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

from glasscell.errors import DataError


def require_free(out: Path, force: bool) -> None:
    """Refuse a file that is there, unless it may be replaced, and a folder that is not.

    Args:
        out: The file that will be written.
        force: Whether a file that is there may be replaced.

    Raises:
        DataError: The place is taken, or its folder does not exist.
    """
    if os.path.lexists(out) and (not force or out.is_dir()):
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
