"""The command line: one module per command.

A module `cli/NAME_command.py` has `add_arguments(parser)` and `run(args)`.

A command is registered by its line in `COMMANDS`; its module is imported when it is called, so that
`glasscell --help` needs nothing but Python. Mistakes of the user end with one message on standard
error and code 2, Ctrl-C with 130.
"""

from __future__ import annotations

import os
import re
import sys
from argparse import ArgumentError, ArgumentParser
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from glasscell.errors import DataError, GlasscellError

COMMANDS = {
    "fit": "train an LSTM on series, labelled sequences or text, beside honest baselines",
    "predict": "forecast, classify or tag new data with a finished run",
    "evaluate": "measure a finished run on new data",
    "stream": "score rows or text as they come, step by step, with a finished run",
    "sample": "write text with a finished run on text",
    "datasets": "list the data sets that lie in installed packages, for fit",
    "inspect": "see inside a trained model: one page with every gate, and a verdict",
    "explain": "learn what an LSTM does from a lesson with live pictures",
    "reproduce": "run the classic experiments again, published results beside ours",
    "bench": "time glasscell beside every other engine that is installed",
    "demo": "see an LSTM learn what a plain RNN cannot, then forecast real blood glucose",
}
"""Name of each command to its line in the help."""

PLAIN = ("stream", "sample")
"""Commands that need NumPy alone, whose arguments Python itself reads."""
TASKED = ("fit", "predict", "evaluate")
"""Commands with flags that depend on the data, whose `add_arguments` is told what was given."""

OK, MISTAKE, INTERRUPTED, BROKEN_PIPE = 0, 2, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Arguments after the program's name; None: those of the process.

    Returns:
        The exit code: 0, 2 after a mistake of the user, 130 after Ctrl-C.
    """
    arguments = _joined(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(overview())
        return OK if arguments else MISTAKE
    if arguments[0] in ("-V", "--version"):
        from glasscell import __version__

        print(f"glasscell {__version__}")
        return OK
    name = arguments[0]
    if name not in COMMANDS:
        return fail("glasscell", f"there is no command {name!r}; there are {', '.join(COMMANDS)}")
    try:
        return _call(name, arguments[1:])
    except KeyboardInterrupt:
        return fail(f"glasscell {name}", "stopped; nothing was written", INTERRUPTED)


def _joined(arguments: Sequence[str]) -> list[str]:
    """Write `--marks -999,NA` as `--marks=-999,NA`: what begins with a minus would be a flag.

    >>> _joined(["--marks", "-999,NA", "--offset", "-3"])
    ['--marks=-999,NA', '--offset=-3']
    """
    joined: list[str] = []
    for argument in arguments:
        flag = joined[-1] if joined else ""
        if re.match(r"-\.?\d", argument) and flag.startswith("--") and "=" not in flag:
            joined[-1] = f"{flag}={argument}"
        else:
            joined.append(argument)
    return joined


def overview() -> str:
    """Give the text of `glasscell --help`."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {line}" for name, line in COMMANDS.items()]
    return "\n".join(
        [
            "usage: glasscell COMMAND ...",
            "",
            "The LSTM you can see through.",
            "",
            *lines,
            "",
            "glasscell COMMAND --help shows the options; glasscell --version the version.",
        ]
    )


def fail(program: str, message: str, code: int = MISTAKE) -> int:
    """Print one message on standard error and give the exit code."""
    print(f"{program}: {message}", file=sys.stderr)
    return code


def _call(name: str, arguments: Sequence[str]) -> int:
    program = f"glasscell {name}"
    try:
        module = import_module(f"glasscell.cli.{name}_command")
        kind = _PlainParser if name in PLAIN else _parser_kind()
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("glasscell"):
            raise
        return fail(program, f"needs the package {error.name}; pip install 'glasscell[train]'")
    parser = kind(prog=program, description=module.__doc__, exit_on_error=False, allow_abbrev=False)
    try:
        module.add_arguments(parser, *([arguments] if name in TASKED else []))
        code = int(module.run(_parsed(parser, arguments)))
        sys.stdout.flush()
        return code
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else OK
    except ArgumentError as error:
        if name in PLAIN:
            return fail(program, f"{error}; see {program} --help")
        from glasscell.cli.flags import in_words

        flags = [flag for action in parser._actions for flag in action.option_strings]
        return fail(program, f"{in_words(str(error), flags)}; see {program} --help")
    except BrokenPipeError:
        # The reader of a pipe has gone, as head does; what is left to flush must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return fail(program, f"{place}{error.strerror or error}")
    except GlasscellError as error:
        return fail(program, str(error))


def _parser_kind() -> Any:
    from jsonargparse import ArgumentParser

    return ArgumentParser


class _PlainParser(ArgumentParser):
    """Python's own, with every mistake as an error that is caught, none that prints and leaves."""

    def error(self, message: str) -> NoReturn:
        raise ArgumentError(None, message)


def _parsed(parser: Any, arguments: Sequence[str]) -> Any:
    try:
        return parser.parse_args(list(arguments))
    except UnicodeDecodeError as error:
        from glasscell.cli.flags import CONFIG

        raise DataError(f"{CONFIG}; got no text in UTF-8") from error
