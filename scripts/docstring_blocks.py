"""An extension of griffe: code and equations in docstrings become blocks of Markdown.

Docstrings here are written for people who read source: an example begins with `>>>` without a
heading, and what is indented after `::` is shown as it is.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"(?:^|(?<=\n))( *)>>> .*(?:\n(?! *$).*)*", re.MULTILINE)


def with_blocks(text: str) -> str:
    r"""Give a docstring with its examples fenced and its `::` written as Markdown has it.

    >>> print(with_blocks("Add.\n\n>>> 1 + 1\n2"))
    Add.
    <BLANKLINE>
    ```pycon
    >>> 1 + 1
    2
    ```
    """
    text = EXAMPLE.sub(lambda m: f"{m[1]}```pycon\n{m[0]}\n{m[1]}```", text)
    return re.sub(r"::\n\n(?= )", ":\n\n", re.sub(r"(?:^|(?<=\n)) *::\n\n(?= )", "\n", text))


class DocstringBlocks(griffe.Extension):
    """Rewrites every docstring once, before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of an object that griffe has loaded."""
        if obj.docstring and not obj.extra["blocks"].get("made"):
            obj.docstring.value = with_blocks(obj.docstring.value)
            obj.extra["blocks"]["made"] = True
