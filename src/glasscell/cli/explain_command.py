"""Learn what an LSTM does from live pictures, on a small trained network or on your own run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from glasscell.cli.where import require_free

WRITTEN = (
    "The lesson, to be opened in a browser: {path}",
    "教程已生成，请用浏览器打开：{path}",
)


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
    parser.add_argument(
        "data",
        nargs="?",
        type=str | None,
        default=None,
        help="CSV, .npy, or .npz with x, for RUN to read. Default: its own test windows, or random "
        "numbers if it has none.",
    )
    parser.add_argument("--out", type=str, default="lesson.html", help="HTML file to write.")
    parser.add_argument(
        "--lang",
        type=Literal["en", "zh"],
        default="en",
        help="Language at first; the page can switch.",
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

    if args.run is None:
        shown = lesson()
    else:
        from glasscell.tasks.explained import own_lesson

        shown = own_lesson(args.run, args.data)
    write(shown, out, args.lang, force=args.force)
    if not args.quiet:
        print(WRITTEN[args.lang == "zh"].format(path=out))
    return 0
