"""Files that appear whole or not at all: written beside their place, then moved there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["draft", "write_text"]


@contextmanager
def draft(path: Path) -> Iterator[Path]:
    """Give a name beside `path` to write to; the file moves to `path` if nothing went wrong.

    Args:
        path: The file in the end; one that is there stays as it is until then.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with draft(Path(folder) / "a.txt") as file:
    ...         _ = file.write_text("whole")
    ...     [(name.name, name.read_text()) for name in Path(folder).iterdir()]
    [('a.txt', 'whole')]
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str, force: bool = False) -> Path:
    r"""Write a text as UTF-8 with "\n" as the line's end.

    Args:
        path: The file.
        text: What it holds.
        force: Replace a file that is there; default False.

    Returns:
        The path.

    Raises:
        FileExistsError: The file is there and `force` is False.
    """
    path = Path(path)
    if not force and os.path.lexists(path):
        raise FileExistsError(
            f"{path}: expected a new file, got one that is there; "
            "choose another name or pass force=True"
        )
    with draft(path) as file:
        file.write_text(text, encoding="utf-8", newline="\n")
    return path
