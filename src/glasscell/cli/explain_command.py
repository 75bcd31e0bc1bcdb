"""Learn what an LSTM does from live pictures, on a small trained network or on your own run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from glasscell.cli.flags import FORCE, LANG, add_flags
from glasscell.cli.terminal import print_json
from glasscell.files import require_free_file

WRITTEN = (
    "The lesson, to be opened in a browser: {path}",
    "教程已生成，请用浏览器打开：{path}",
)
RUN = (
    "Run folder of glasscell fit, or any folder that glasscell.save wrote, with an LSTM. "
    "Default: the small network that glasscell carries."
)
DATA = (
    "CSV, .npy, or .npz with x, for RUN to read; for a run what fit read. Default: its own test "
    "windows, sequences or text, or random numbers if it has none."
)


def add_arguments(parser: Any) -> None:
    """Add the flags of `glasscell explain`."""
    add_flags(
        parser,
        ("run", str | None, None, RUN),
        ("data", str | None, None, DATA),
        ("--out", str, "lesson.html", "HTML file to write."),
        LANG,
        FORCE,
        ("--json", bool, False, "Print where the lesson is as JSON, and nothing else."),
        ("--quiet", bool, False, "Print nothing but errors."),
    )


def run(args: Any) -> int:
    """Run `glasscell explain`."""
    out = Path(args.out)
    require_free_file(out, args.force)
    from glasscell.report.lesson import lesson, write

    if args.run is None:
        page = lesson()
    else:
        from glasscell.tasks.inspect_run import own_lesson

        page = own_lesson(args.run, args.data)
    write(page, out, args.lang, force=args.force)
    if args.json:
        print_json({"page": str(out)})
    elif not args.quiet:
        print(WRITTEN[args.lang == "zh"].format(path=out))
    return 0
