"""Write text with a finished run on text, as it is drawn; needs no torch."""

from __future__ import annotations

import sys
from typing import Any

from glasscell.cli.flags import add_flags
from glasscell.cli.terminal import STANDARD
from glasscell.errors import DataError
from glasscell.tasks.text.sampling import LENGTH, Drawing, write_on


def add_arguments(parser: Any) -> None:
    """Add the flags of `glasscell sample`."""
    parser.add_argument("--config", action="config", help="YAML file with any of these options.")
    add_flags(
        parser,
        ("run", str, ..., "Run folder that glasscell fit wrote from a text."),
        ("--prime", str, "", "Text to go on from; - for standard input."),
        ("--length", int, LENGTH, "Characters, bytes or tokens to write."),
        ("--seed", int, 0, "Of the draws: the same one gives the same text."),
        ("--temperature", float, 1.0, "Below 1: likelier symbols more often; 0: the likeliest."),
        ("--top-k", int | None, None, "Draw from so many of the likeliest. Default: from all."),
        ("--quiet", bool, False, "Do not repeat the beginning before the text."),
    )


def run(args: Any) -> int:
    """Run `glasscell sample`."""
    prime = args.prime
    if prime == STANDARD:
        try:
            prime = sys.stdin.buffer.read().decode()
        except UnicodeDecodeError as error:
            raise DataError(
                "--prime -: expected text in UTF-8 on standard input, found none at byte "
                f"{error.start:,}; convert it first"
            ) from error
    drawing = Drawing(seed=args.seed, temperature=args.temperature, top_k=args.top_k)

    def say(text: str) -> None:
        print(f"glasscell sample: {text}", file=sys.stderr)

    pieces = write_on(args.run, prime, args.length, drawing, say)
    # Whatever the terminal's encoding: a run on Chinese must not die on an ASCII one.
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    if not args.quiet:
        sys.stdout.write(prime)
    for piece in pieces:
        sys.stdout.write(piece)
        sys.stdout.flush()
    sys.stdout.write("\n")
    return 0
