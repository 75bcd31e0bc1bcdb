"""Turns the fields of an options dataclass into command-line flags with the docstring as help."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any, get_type_hints


def add_options(parser: Any, options: type, **types: Any) -> None:
    """Add one flag per field of a dataclass: `hidden_size: int = 32` becomes `--hidden-size`.

    Args:
        parser: A jsonargparse parser.
        options: The dataclass; its docstring's Args section gives the help.
        **types: Field name to the type that its flag reads, where it differs from the field's.
    """
    hints, help_of = get_type_hints(options), argument_help(options)
    for field in fields(options):
        flag = f"--{field.name.replace('_', '-')}"
        if hints[field.name] is bool:
            parser.add_argument(flag, action="store_true", help=help_of[field.name])
            continue
        # --day-first alone says yes, as --day-first true does.
        bare = {"nargs": "?", "const": True} if hints[field.name] == bool | None else {}
        parser.add_argument(
            flag,
            type=types.get(field.name, hints[field.name]),
            default=field.default,
            help=help_of[field.name],
            **bare,
        )


def argument_help(documented: type) -> dict[str, str]:
    """Read the Args section of a Google-style docstring: name to its text in one line."""
    section = (documented.__doc__ or "").partition("Args:\n")[2]
    entries = re.findall(r"^ {8}(\w+): (.*(?:\n {9,}.*)*)", section, flags=re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}
