"""Flags of commands: from an options dataclass, whose docstring is the help, or from a table."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import fields
from typing import Any, Literal, get_type_hints


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


def add_texts(parser: Any, **help_of: str) -> None:
    """Add flags that take a text, None if left out: `max_gap="..."` becomes `--max-gap`."""
    for name, text in help_of.items():
        parser.add_argument(_flag(name), type=str | None, default=None, help=text)


def add_switches(parser: Any, **help_of: str) -> None:
    """Add flags that take no value: `quiet="Print nothing."` becomes `--quiet`."""
    for name, text in help_of.items():
        parser.add_argument(_flag(name), action="store_true", help=text)


def add_config(parser: Any) -> None:
    """Add `--config`, which jsonargparse reads."""
    parser.add_argument("--config", action="config", help="YAML file with any of these options.")


def add_lang(parser: Any) -> None:
    """Add the language of a page."""
    parser.add_argument(
        "--lang",
        type=Literal["en", "zh"],
        default="en",
        help="Language at first; the page can switch.",
    )


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
        flag, text = _flag(field.name), help_of[field.name]
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


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
