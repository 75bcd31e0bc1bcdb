"""Says in plain words what jsonargparse has against a command line or a YAML file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

TYPES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "list": "a list",
    "NoneType": "",
}
CONFIG = "--config: expected a YAML file with one option a line, such as horizon: 12"


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
