"""Learn what an LSTM does from live pictures, on a small trained network or on your own run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from glasscell.errors import DataError


def add_arguments(parser: Any) -> None:
    """Add the flags of `glasscell explain`."""
    parser.add_argument(
        "run",
        nargs="?",
        type=str | None,
        default=None,
        help="Run folder of glasscell fit, or any folder that glasscell.save wrote, with an LSTM. "
        "Default: the small network that glasscell carries.",
    )
    parser.add_argument("--out", type=str, default="lesson.html", help="HTML file to write.")
    parser.add_argument(
        "--lang", type=Literal["en", "zh"], default="en", help="Language at first; the page has both."
    )
    for flag, text in (
        ("--force", "Replace the file if it is there."),
        ("--quiet", "Print nothing but errors."),
    ):
        parser.add_argument(flag, action="store_true", help=text)


def run(args: Any) -> int:
    """Run `glasscell explain`."""
    out = Path(args.out)
    require_free(out, args.force)
    from glasscell.report.lesson import lesson, write

    shown = lesson(args.run)
    write(shown, out, args.lang, force=args.force)
    if not args.quiet:
        print(f"The lesson, to be opened in a browser: {out}")
    return 0


def require_free(out: Path, force: bool) -> None:
    """Refuse a place where the file must not or cannot be written, before any work."""
    if os.path.lexists(out) and (not force or out.is_dir()):
        raise DataError(f"{out} exists; choose another --out, or replace the file with --force")
    if not out.parent.is_dir():
        raise DataError(f"{out.parent}: expected a folder for --out, found none; create it first")
