"""Flags of commands: from an options dataclass, whose docstring is the help, or from a table."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import fields
from typing import Any, Literal, TypeAlias, get_type_hints

Flag: TypeAlias = tuple[str, Any, Any, str]

LANG: Flag = "--lang", Literal["en", "zh"], "en", "Language at first; the page can switch."
_LONGEST = "Longest time between two values that is interpolated. Default: the run's."
MAX_GAP: Flag = "--max-gap", str | None, None, _LONGEST
FORCE: Flag = "--force", bool, False, "Replace the file if it is there."
QUIET: Flag = "--quiet", bool, False, "Print nothing but errors (and the JSON)."


def add_options(parser: Any, options: type, **types: Any) -> None:
    """Add one flag per field of a dataclass: `hidden_size: int = 32` becomes `--hidden-size`.

    Args:
        parser: A jsonargparse parser.
        options: The dataclass; its docstring's Args section gives the help.
        **types: Field name to the type that its flag reads, where it differs from the field's.
    """
    _add(parser, options, [field.name for field in fields(options)], types)


def add_overrides(parser: Any, options: type, names: Collection[str]) -> None:
    """Add flags for some fields of a dataclass that a finished run decides unless they are given.

    Args:
        parser: A jsonargparse parser.
        options: The dataclass.
        names: Its fields that get a flag; None is what stands for "as in the run".
    """
    _add(parser, options, names, {}, of_run=True)


def add_flags(parser: Any, *flags: Flag) -> None:
    """Add flags, and positional arguments by a name without dashes, from a table.

    Args:
        parser: A jsonargparse parser.
        *flags: Name, type, default and help. bool: a switch; `...` as default: it must be given.
    """
    for name, kind, default, text in flags:
        if kind is bool:
            parser.add_argument(name, action="store_true", help=text)
        elif not name.startswith("-"):
            optional = {} if default is ... else {"nargs": "?", "default": default}
            parser.add_argument(name, type=kind, help=text, **optional)
        elif default is ...:
            parser.add_argument(name, type=kind, required=True, help=text)
        else:
            parser.add_argument(name, type=kind, default=default, help=text)


def _add(
    parser: Any,
    options: type,
    names: Collection[str],
    types: dict[str, Any],
    of_run: bool = False,
) -> None:
    hints, help_of = get_type_hints(options), argument_help(options)
    for field in fields(options):
        if field.name not in names:
            continue
        flag, text = f"--{field.name.replace('_', '-')}", help_of[field.name]
        if of_run:
            text = re.sub(r"\s*\(?Default:[^()]*\)?\.?$", "", text).rstrip(".")
            text += ". Default: as in the run."
        if hints[field.name] is bool:
            default = None if of_run else False
            parser.add_argument(flag, action="store_true", default=default, help=text)
            continue
        # --day-first alone says yes, as --day-first true does.
        bare = {"nargs": "?", "const": True} if hints[field.name] == bool | None else {}
        parser.add_argument(
            flag,
            type=types.get(field.name, hints[field.name]),
            default=None if of_run else field.default,
            help=text,
            **bare,
        )


def argument_help(documented: type) -> dict[str, str]:
    """Read the Args section of a Google-style docstring: name to its text in one line."""
    section = (documented.__doc__ or "").partition("Args:\n")[2]
    entries = re.findall(r"^ {8}(\w+): (.*(?:\n {9,}.*)*)", section, flags=re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}
