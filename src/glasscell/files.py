"""Files and folders that appear whole or not at all, and never over what is there unasked.

Either is written under a hidden name beside its place, as a rename is atomic only within one file
system, and moved there at the end: `draft` for a file, `draft_folder` for a folder.
`require_free_file` and `require_free_folder` refuse a place that is taken before any work is done.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

from glasscell.errors import DataError

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows
    flock = None  # type: ignore[assignment]

__all__ = [
    "STANDARD_INPUT",
    "delete_replaced",
    "draft",
    "draft_folder",
    "is_ours",
    "lock",
    "locked",
    "move_folder",
    "require_free",
    "require_free_file",
    "require_free_folder",
    "write_text",
]


STANDARD_INPUT = "standard input"
"""Name of the file that holds what came from there; run.yaml writes it as -."""


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
    beside = _hidden(path, "tmp")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def lock(path: Path) -> int | None:
    """Hold a lock that ends with this process, however it ends; None where another holds it.

    Args:
        path: A file for the lock alone; it is made.

    Returns:
        The open file, to be closed when it is over.

    Notes:
        Nothing is held where the system has no `flock`.
    """
    while True:
        held = os.open(path, os.O_RDWR | os.O_CREAT)
        if flock is None:
            return held
        try:
            flock(held, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            os.close(held)
            return None
        # Who held it may have removed the file since it was opened here.
        if path.exists() and os.path.samestat(os.fstat(held), path.stat()):
            return held
        os.close(held)


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Keep a file that is replaced now and then for one writer; gives whether it is ours.

    Args:
        path: The file; the lock is a hidden file beside it, which is removed at the end.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, locked(Path(folder) / "state") as first:
    ...     with locked(Path(folder) / "state") as second:
    ...         first, second
    (True, False)
    """
    beside = path.with_name(f".{path.name}.lock")
    held = lock(beside)
    try:
        yield held is not None
    finally:
        if held is not None:
            beside.unlink(missing_ok=True)
            os.close(held)


@contextmanager
def draft_folder(path: Path, force: bool = False) -> Iterator[Path]:
    """Give an empty folder beside `path` to fill; it moves to `path` if nothing went wrong.

    Args:
        path: The folder in the end. Its parents are created.
        force: Replace a folder that is there, whole; default False.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = _hidden(path, "tmp")
    beside.mkdir()
    try:
        yield beside
        if force:
            move_folder(beside, path)
            delete_replaced(path)
        else:
            beside.rename(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def move_folder(folder: Path, path: Path) -> None:
    """Move a finished folder to its place; one that is there is kept for `delete_replaced`."""
    replaced = _hidden(path, "old")
    try:
        if os.path.lexists(path):
            path.rename(replaced)
        folder.rename(path)
    except BaseException:  # Ctrl-C between the two renames, too, leaves the place as it was
        if replaced.exists() and not os.path.lexists(path):
            replaced.rename(path)
        raise


def delete_replaced(path: Path) -> None:
    """Delete what `move_folder` replaced at a place, now or in a process that was killed."""
    for replaced in path.parent.glob(f".{escape(path.name)}.{'[0-9a-f]' * 8}.old"):
        shutil.rmtree(replaced)


def is_ours(folder: Path, mark: str) -> bool:
    """Tell whether a folder may be replaced: it is empty, or holds the file that marks it ours."""
    if not folder.is_dir() or folder.is_symlink():
        return False
    return not any(folder.iterdir()) or (folder / mark).is_file()


def require_free(path: str | os.PathLike[str], force: bool, it: str = "it", hint: str = "") -> None:
    """Refuse the place of a command's file or folder if it is taken, unless `force` is True.

    Args:
        path: What --out names.
        force: Whether what is there may be replaced.
        it: What would be replaced, for the message.
        hint: Another way out, for the message.

    Raises:
        DataError: Something is there.
    """
    if os.path.lexists(path) and not force:
        raise DataError(f"{path} exists; {hint}choose another --out, or replace {it} with --force")


def require_free_file(path: Path, force: bool) -> None:
    """Refuse the place of a command's file if it is taken or a folder, or if its folder is missing.

    Args:
        path: What --out names.
        force: Whether a file that is there may be replaced.

    Raises:
        DataError: The file cannot be written there.
    """
    if path.is_dir():
        raise DataError(f"{path} is a folder; give --out the name of a file")
    require_free(path, force, "the file")
    if not path.parent.is_dir():
        raise DataError(f"{path.parent}: expected a folder for --out, found none; create it first")


def require_free_folder(
    path: str | os.PathLike[str], force: bool, mark: str, owner: str, hint: str = ""
) -> None:
    """Refuse the place of a folder if it is taken; `force` replaces only what is ours.

    Args:
        path: What --out names.
        force: Whether a folder of ours, or an empty one, may be replaced.
        mark: The file that a folder of ours holds.
        owner: What another folder is, for the message: "is no run folder of glasscell".
        hint: As of `require_free`.

    Raises:
        DataError: Something is there that may not be replaced.
    """
    require_free(path, force, hint=hint)
    if os.path.lexists(path) and not is_ours(Path(path), mark):
        raise DataError(
            f"{path} exists and {owner}, so --force does not replace it; choose another --out"
        )


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


def _hidden(path: Path, suffix: str) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.{suffix}")
