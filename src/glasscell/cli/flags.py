"""Flags of commands, and in plain words what jsonargparse has against those that were given.

Flags come from an options dataclass, whose docstring is the help, or from a table.
"""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import Field, fields
from typing import Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

Flag: TypeAlias = tuple[str, Any, Any, str]

LANG: Flag = "--lang", Literal["en", "zh"], "en", "Language at first; the page can switch."
_LONGEST = "Longest time between two values that is interpolated. Default: the run's."
MAX_GAP: Flag = "--max-gap", str | None, None, _LONGEST
FORCE: Flag = "--force", bool, False, "Replace the file if it is there."
QUIET: Flag = "--quiet", bool, False, "Print nothing but errors (and the JSON)."

TYPES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "list": "a list",
    "NoneType": "",
}
CONFIG = "--config: expected a YAML file with one option a line, such as horizon: 12"


def add_options(parser: Any, options: type) -> None:
    """Add one flag per field of a dataclass: `hidden_size: int = 32` becomes `--hidden-size`.

    Args:
        parser: A jsonargparse parser.
        options: The dataclass; its docstring's Args section gives the help. A field that takes a
            list takes names with commas too: see `read_options`.
    """
    _add(parser, options, [field.name for field in fields(options)])


def read_options(args: Any, options: type) -> dict[str, Any]:
    """Give what was parsed of the flags of `add_options`, by field; lists were written with commas.

    Args:
        args: What the parser gave.
        options: The dataclass.
    """
    hints = get_type_hints(options)
    return {
        field.name: _names(args[field.name])
        if _lists_words(hints[field.name]) and str not in get_args(hints[field.name])
        else args[field.name]
        for field in fields(options)
    }


def flags_of(options: type, names: Collection[str] | None = None) -> dict[str, str]:
    """Give the flags of fields of a dataclass, and how many values each takes: "0", "?" or "1"."""
    hints = get_type_hints(options)
    taking = {bool: "0", bool | None: "?"}
    return {
        _flag(field.name): "?" if field.default is True else taking.get(hints[field.name], "1")
        for field in fields(options)
        if names is None or field.name in names
    }


def add_overrides(parser: Any, options: type, names: Collection[str]) -> None:
    """Add flags for some fields of a dataclass that a finished run decides unless they are given.

    Args:
        parser: A jsonargparse parser.
        options: The dataclass.
        names: Its fields that get a flag; None is what stands for "as in the run".
    """
    _add(parser, options, names, of_run=True)


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


def scan(
    arguments: Sequence[str], taking: Mapping[str, str]
) -> tuple[dict[str, str], list[str]] | None:
    """Find flags and positional arguments before it is known which flags there are.

    Args:
        arguments: As given; not all of them may be right.
        taking: Every flag that there may be, and how many values it takes: "0", "?" or "1".

    Returns:
        The flags that were given with their values, and what else was given; None if they cannot be
        told apart, which the parser that comes next will say.

    >>> scan(["data.csv", "--epochs", "3", "--force"], {"--epochs": "1", "--force": "0"})
    ({'--epochs': '3', '--force': ''}, ['data.csv'])
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for name, number in taking.items():
        if number == "0":
            parser.add_argument(name, dest=name, action="store_const", const="")
        else:
            more: dict[str, Any] = {"nargs": "?", "const": ""} if number == "?" else {}
            parser.add_argument(name, dest=name, **more)
    try:
        found, rest = parser.parse_known_args(list(arguments))
    except argparse.ArgumentError:
        return None
    return {name: value for name, value in vars(found).items() if value is not None}, rest


def _add(
    parser: Any,
    options: type,
    names: Collection[str],
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
        if hints[field.name] is bool and field.default is False:
            default = None if of_run else False
            parser.add_argument(flag, action="store_true", default=default, help=text)
            continue
        # --day-first alone says yes, as --day-first true does.
        switch = hints[field.name] in (bool, bool | None)
        bare = {"nargs": "?", "const": True} if switch else {}
        listed = _lists_words(hints[field.name])
        parser.add_argument(
            flag,
            type=str | list[str] | None if listed else hints[field.name],
            default=None if of_run else _default(field),
            help=text,
            **bare,
        )


def _lists_words(hint: Any) -> bool:
    """Tell whether an option is a list of words, of any or of some."""
    lists = [kind for kind in get_args(hint) if get_origin(kind) is list]
    return any(of is str or get_origin(of) is Literal for kind in lists for of in get_args(kind))


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if callable(field.default_factory) else field.default


def _names(value: str | list[str] | None) -> list[str] | None:
    if isinstance(value, str):
        return [name.strip() for name in value.split(",") if name.strip() not in ("", "none")]
    return value


def argument_help(documented: type) -> dict[str, str]:
    """Read the Args section of a Google-style docstring: name to its text in one line."""
    section = (documented.__doc__ or "").partition("Args:\n")[2]
    entries = re.findall(r"^ {8}(\w+): (.*(?:\n {9,}.*)*)", section, flags=re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def in_words(message: str, flags: Sequence[str]) -> str:
    r"""Rewrite a message of jsonargparse; one of an unknown form stays as it is.

    Args:
        message: What it says.
        flags: The flags that there are, to find the one that was meant.

    >>> print(in_words('Parser key "seeds":\n  Expected a <class \'int\'>. Got value: x', []))
    --seeds: expected a whole number, got 'x'
    >>> print(in_words("unrecognized arguments: --epoch 3", ["--epochs", "--seed"]))
    there is no option --epoch; did you mean --epochs?
    """
    text = message.strip()
    if (key := re.match(r'Parser key "([^"]+)":\s*(.*)', text, re.DOTALL)) is not None:
        return _of_value(key[1], key[2])
    if text.startswith("unrecognized arguments: "):
        return _unknown(text.partition(": ")[2].split(), flags)
    if (option := re.match(r"Option '([^']+)' is not accepted", text)) is not None:
        return f"--config: {_unknown([_flag(option[1])], flags)}"
    if (argument := re.match(r"argument ([^:]+): expected (.*)", text)) is not None:
        return f"{argument[1].split('/')[0]}: expected a value, got none"
    if (ignored := re.match(r"argument ([^:]+): ignored explicit argument (.*)", text)) is not None:
        return f"{ignored[1]}: takes no value, got {ignored[2]}"
    if text.startswith("the following arguments are required: "):
        return _required(text.partition(": ")[2].split(", "), flags)
    if text.startswith("Problems parsing config"):
        # PyYAML gives the place of the construct first, then that of the fault.
        what, places = text.splitlines()[-2:], re.findall(r"line \d+, column \d+", text)
        fault = what[0].strip() if len(what) == 2 else text.partition(": ")[2]
        return f"{CONFIG}; {places[-1] + ': ' if places else ''}{fault}"
    if text.startswith("Unexpected config"):
        return f"{CONFIG}; got something else"
    return message


def _of_value(key: str, reason: str) -> str:
    name = _flag(key)
    value = re.search(r"(?:Given value|Got value):(.*)", reason, re.DOTALL)
    expected = re.sub(r"Given value type: .*", "", reason)
    kinds = [TYPES.get(kind, kind) for kind in re.findall(r"<class '(\w+)'>", expected)]
    for choices in re.findall(r"Literal\[([^\]]*)\]", expected):
        kinds += re.findall(r"'([^']*)'", choices)
    wanted = " or ".join(dict.fromkeys(kind for kind in kinds if kind))
    if value is None or not wanted:
        return f"{name}: {' '.join(reason.split())}"
    quotes = "; write it in quotes" if wanted == "text" else ""
    return f"{name}: expected {wanted}, got {value[1].strip()!r}{quotes}"


def _unknown(arguments: Sequence[str], flags: Sequence[str]) -> str:
    options = [argument for argument in arguments if argument.startswith("-")]
    if not options:
        return f"expected nothing after the arguments, got {' '.join(arguments)}"
    name = options[0].partition("=")[0]
    near = difflib.get_close_matches(name, flags, n=1, cutoff=0.7)
    return f"there is no option {name}" + (f"; did you mean {near[0]}?" if near else "")


def _required(names: Sequence[str], flags: Sequence[str]) -> str:
    missing = [_flag(name) if _flag(name) in flags else name.upper() for name in names]
    return f"expected {' and '.join(missing)} as well"


def _flag(key: str) -> str:
    return f"--{key.replace('_', '-')}"
