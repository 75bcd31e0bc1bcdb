"""The page's script and style in fewer bytes: no comments, no blanks that only readers need.

Nothing is renamed, so what the browser's console names is found in the sources.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Final

__all__ = ["css", "joined", "script"]

_FIRST: Final = ("core.js", "draw.js", "frame.js")
_LAST: Final = "boot.js"

_TOKEN: Final = re.compile(
    r"""
    (?P<comment>//[^\n]*|/\*.*?\*/)
    |(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |(?P<template>`)
    |(?P<blank>\s+)
    |(?P<word>[\w$\u0080-\uffff]+)
    |(?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_REGEX: Final = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/[a-z]*")
_BEFORE_REGEX: Final = frozenset("(,=:[!&|?{};\n+-*%<>~^")
_WORDS_BEFORE_REGEX: Final = frozenset(("return", "typeof", "case", "of", "in", "=>"))


@cache
def joined(folder: resources.abc.Traversable, ending: str) -> str:
    """Put all files of a kind together, in the order that README.md gives.

    Args:
        folder: where they are.
        ending: ".js" or ".css".
    """
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(ending))
    first = [name for name in _FIRST if name in names]
    middle = [name for name in names if name not in (*_FIRST, _LAST)]
    last = [name for name in (_LAST,) if name in names]
    shorter = script if ending == ".js" else css
    texts = [(folder / name).read_text(encoding="utf-8") for name in (*first, *middle, *last)]
    return "\n".join(shorter(text) for text in texts)


def script(source: str) -> str:
    """Leave out comments and blanks of JavaScript.

    A line's end stays where a statement might end there without a semicolon; strings, templates
    and regular expressions stay as they are.

    >>> script("const a = 1; // one\\nif (a / 2 > b) {\\n  c(`  ${ d } `, / x /g);\\n}\\n")
    'const a=1;if(a/2>b){c(`  ${d} `,/ x /g);}'
    """
    return _script(source, 0, closing=False)[0].strip("\n")


def css(source: str) -> str:
    """Leave out comments and blanks of a style sheet.

    >>> css("/* one */ .a > .b :is(i, b) {\\n  color: red; }\\n@media print { a { top: calc(1px + 2px) } }")
    '.a > .b :is(i,b){color:red}@media print{a{top:calc(1px + 2px)}}'
    """
    bare = re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL))
    tight = re.sub(r"\s*([{};])\s*|([:,])\s+", lambda found: found[1] or found[2], bare)
    return tight.replace(";}", "}").strip()


def _script(source: str, at: int, closing: bool) -> tuple[str, int]:
    """Shorten from a place on; `closing`: up to the brace that ends a template's ${ }."""
    out: list[str] = []
    blank, depth = "", 0
    while at < len(source):
        if source[at] == "/" and _starts_regex(out) and (found := _REGEX.match(source, at)):
            kind, text = "regex", found[0]
        else:
            found = _TOKEN.match(source, at)
            assert found is not None
            kind, text = str(found.lastgroup), found[0]
        at += len(text)
        if kind == "comment" and not text.startswith(("//", "/*")):
            kind = "other"
        if kind in ("blank", "comment"):
            blank = "\n" if "\n" in blank + text or text.startswith("//") else " "
            continue
        if kind == "template":
            text, at = _template(source, at)
        depth += (text == "{") - (text == "}")
        if closing and depth < 0:
            return "".join(out), at
        out += [_needed(out[-1] if out else "\n", blank, text), text]
        blank = ""
    return "".join(out), at


def _template(source: str, at: int) -> tuple[str, int]:
    """A template literal from behind its first backtick."""
    start, parts = at, ["`"]
    while source[at] != "`":
        if source[at] == "\\":
            at += 2
        elif source.startswith("${", at):
            inner, end = _script(source, at + 2, closing=True)
            parts += [source[start:at], "${", inner, "}"]
            start = at = end
        else:
            at += 1
    return "".join([*parts, source[start:at], "`"]), at + 1


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


def _starts_regex(out: list[str]) -> bool:
    """Whether a slash here begins a regular expression rather than divides."""
    before = next((text for text in reversed(out) if text), "\n")
    return before[-1] in _BEFORE_REGEX or before in _WORDS_BEFORE_REGEX
