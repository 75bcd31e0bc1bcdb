"""Write text with a finished run on text, as it is drawn; needs NumPy alone."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from glasscell.cli.terminal import STANDARD, print_json
from glasscell.errors import DataError
from glasscell.tasks.text.sampling import LENGTH, Drawing, write_on


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `glasscell sample`."""
    add = parser.add_argument
    add("run", help="Run folder that glasscell fit wrote from a text.")
    add("--prime", metavar="TEXT", default="", help="Text to go on from; - for standard input.")
    symbols = f"Characters, bytes or tokens to write. Default: {LENGTH}."
    add("--length", metavar="N", type=int, default=LENGTH, help=symbols)
    draws = "Of the draws: the same one gives the same text. Default: 0."
    add("--seed", metavar="S", type=int, default=0, help=draws)
    likelier = "Below 1: likelier symbols more often; 0: the likeliest. Default: 1."
    add("--temperature", metavar="T", type=float, default=1.0, help=likelier)
    few = "Draw from so many of the likeliest. Default: from all."
    add("--top-k", metavar="K", type=int, help=few)
    add(
        "--json",
        action="store_true",
        help="Print beginning, text and settings as JSON, at the end.",
    )
    add("--quiet", action="store_true", help="Do not repeat the beginning before the text.")


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
    if args.json:
        settings = {
            name: getattr(args, name) for name in ("length", "seed", "temperature", "top_k")
        }
        print_json({"prime": prime, "text": "".join(pieces), **settings})
        return 0
    if not args.quiet:
        sys.stdout.write(prime)
    for piece in pieces:
        sys.stdout.write(piece)
        sys.stdout.flush()
    sys.stdout.write("\n")
    return 0
