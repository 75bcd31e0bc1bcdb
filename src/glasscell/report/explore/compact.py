"""The page's script and style in fewer bytes: no comments, no blanks, short names for locals.

The sources stay as they are; `joined` shortens what goes into a page. A name is shortened only if
it is declared in the script and nowhere in it a property, a key or part of a text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import resources
from itertools import product
from string import ascii_lowercase, ascii_uppercase
from typing import Final, TypeAlias

__all__ = ["css", "joined", "script"]

_FIRST: Final = ("core.js", "draw.js", "frame.js")
_LAST: Final = "boot.js"

Token: TypeAlias = tuple[str, str]
"""Kind ("word", "text", "blank", "other") and what stands there."""

_STATIC: Final = (
    r"(?:Math\.(?:abs|floor|hypot|log|max|min|round)|Number\.is(?:Finite|NaN)|Object\.assign"
    r"|Array\.from)(?=\()"
)
"""Functions that work without the object they are called on: they get short names too."""
_TOKEN: Final = re.compile(
    rf"""
    (?P<blank>(?:\s|//[^\n]*|/\*.*?\*/)+)
    |(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |(?P<word>{_STATIC}|[\w$\u0080-\uffff]+)
    |(?P<other>=>|\.\.\.|\?\.|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_CHUNK: Final = re.compile(r"(?:\\.|[^\\`$]|\$(?!\{))*(?:`|\$\{)", re.DOTALL)
_REGEX: Final = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/[a-z]*")
_BEFORE_REGEX: Final = frozenset("(,=:[!&|?{};+-*%<>~^") | {"=>", "return", "of", "in", "\n"}
_WORDS: Final = {"const": "let", "true": "!0", "false": "!1"}
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")


def joined(folder: resources.abc.Traversable, ending: str) -> str:
    """Put all files of a kind together, in the order that README.md gives, and shorten them.

    Args:
        folder: where they are.
        ending: ".js" or ".css".
    """
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(ending))
    first = [name for name in _FIRST if name in names]
    middle = [name for name in names if name not in (*_FIRST, _LAST)]
    last = [name for name in (_LAST,) if name in names]
    texts = [(folder / name).read_text(encoding="utf-8") for name in (*first, *middle, *last)]
    return (script if ending == ".js" else css)("\n".join(texts))


def script(source: str) -> str:
    r"""Leave out comments and blanks of JavaScript, and shorten local names.

    A line's end stays where a statement might end there without a semicolon; strings, templates
    and regular expressions stay as they are.

    >>> script("const size = 1; // one\nif (size / 2 > b) {\n  c(`  ${ size } `, / x /g);\n}\n")
    'let a=1;if(a/2>b){c(`  ${a} `,/ x /g);}'
    """
    tokens = list(_tokens(source))
    short = _WORDS | _short_names(tokens)
    aliases = ",".join(f"{name}={text}" for text, name in short.items() if "." in text)
    out: list[str] = ["\n"]
    blank = ""
    for place, (kind, text) in enumerate(tokens):
        if kind == "blank":
            blank = "\n" if "\n" in text else " "
            continue
        plain = kind == "word" and not (text in _WORDS and _is_property(tokens, place))
        text = short.get(text, text) if plain else text
        out += [_needed(out[-1], blank, text), text]
        blank = ""
    text = "".join(out).strip("\n")
    mode = '"use strict";' if text.startswith('"use strict";') else ""
    return mode + (f"let {aliases};" if aliases else "") + text.removeprefix(mode)


def css(source: str) -> str:
    r"""Leave out comments and blanks of a style sheet.

    >>> css("/* one */ .a > .b :is(i, b) {\n  color: red; }\n@media print { a { top: 0 } }")
    '.a > .b :is(i,b){color:red}@media print{a{top:0}}'
    """
    bare = re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL))
    tight = re.sub(r"\s*([{};])\s*|([:,])\s+", lambda found: found[1] or found[2], bare)
    return tight.replace(";}", "}").strip()


def _tokens(source: str) -> Iterator[Token]:
    """Split a script; a template gives its chunks of text, and what stands between them."""
    at, before, depth = 0, "\n", 0
    templates: list[int] = []  # at which depth of braces each open template goes on
    while at < len(source):
        ends = source[at] == "}" and templates[-1:] == [depth]
        if source[at] == "`" or ends:
            chunk = _CHUNK.match(source, at + 1)
            assert chunk is not None, "a template without an end"
            kind, text = "text", source[at] + chunk[0]
            if ends:
                templates.pop()
            if text.endswith("${"):
                templates.append(depth)
        elif source[at] == "/" and before in _BEFORE_REGEX and (found := _REGEX.match(source, at)):
            kind, text = "text", found[0]
        else:
            found = _TOKEN.match(source, at)
            assert found is not None
            kind, text = str(found.lastgroup), found[0]
            depth += (text == "{") - (text == "}")
        at += len(text)
        before = before if kind == "blank" else text
        yield kind, text


def _short_names(tokens: Sequence[Token]) -> dict[str, str]:
    """Short names for declared ones that mean one thing, the most used ones first."""
    code = [token for token in tokens if token[0] != "blank"]
    count = Counter(text for kind, text in code if kind == "word")
    declared, barred, open_ = set[str](), {"GC"}, ["{"]  # GC is the page's own door
    for place, (kind, text) in enumerate(code):
        if kind == "text" and text.startswith("}"):
            open_.pop()
        if text.endswith("${") and kind == "text":
            open_.append("$")
        elif kind == "other" and text in _OPEN:
            open_.append(text)
        elif kind == "other" and text in _CLOSE:
            open_.pop()
        if kind != "word":
            continue
        before, after = code[place - 1][1] if place else "", code[min(place + 1, len(code) - 1)][1]
        called = "." in text and count[text] > 2  # one of _STATIC
        if called or before in ("const", "let", "function") or (before == "*" and after == "("):
            declared.add(text)
        within = open_[-1] == "{" and before in ("{", ",") and after in (",", "}", "=", "(")
        if "." not in text and (before in (".", "?.") or after == ":" or within):
            barred.add(text)
    known = sorted(declared - barred, key=lambda name: -count[name] * len(name))
    free = (name for name in _names() if name not in count)
    return {name: short for name, short in zip(known, free, strict=False) if len(short) < len(name)}


def _names() -> Iterator[str]:
    letters = ascii_lowercase + ascii_uppercase
    yield from letters
    yield from (a + b for a, b in product(letters, letters + "0123456789") if a + b not in _TAKEN)


_TAKEN: Final = frozenset(("do", "if", "in", "of", "as", "GC"))


def _is_property(tokens: Sequence[Token], place: int) -> bool:
    """Whether `true` or `const` is a property or a key here."""
    before = next((text for kind, text in reversed(tokens[:place]) if kind != "blank"), "")
    return before in (".", "?.") or (before in ("{", ",") and tokens[place + 1][1] == ":")


def _needed(before: str, blank: str, after: str) -> str:
    """What must stand between two tokens in place of a blank."""
    if not blank or before == "\n":
        return ""
    left, right = before[-1], after[0]
    if blank == "\n" and left not in "{([,;:=>&|?+-*.<" and right not in "})],;.?:=&|*":
        return "\n"
    if _joins(left) and _joins(right):
        return " "
    return " " if left == right and left in "+-/" else ""


def _joins(sign: str) -> bool:
    return sign.isalnum() or sign in "_$" or sign > "\x7f"
