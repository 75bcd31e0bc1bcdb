"""Runs the code of a page of docs in its order, as a reader would."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from glasscell.cli import main

DOCS = Path(__file__).parents[1] / "docs"


def blocks(page: str) -> list[tuple[str, str]]:
    """Language and text of each block; a block without a language is shown, not run."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(r"^```(\w+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def run(page: str, small: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run all blocks in the current folder; Python prints what the comments after it say.

    Args:
        page: File in docs.
        small: Flags that make every `glasscell fit` of a shell block a small one.
        monkeypatch: Gives commands their standard input.
    """
    names: dict[str, Any] = {"__name__": "page"}
    for number, (language, block) in enumerate(blocks(page)):
        printed = io.TextIOWrapper(io.BytesIO(), "utf-8")  # a command sets its encoding
        with contextlib.redirect_stdout(printed):
            if language == "python":
                exec(compile(block, f"{page}, block {number}", "exec"), names)
                shown = [line[2:] for line in block.splitlines() if line.startswith("# ")]
                printed.seek(0)
                assert printed.read().splitlines() == shown
            else:
                for line in block.splitlines():
                    command(line, small, monkeypatch)
    return names


def command(line: str, small: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run one line of a shell, a command of glasscell that may read a file."""
    words, _, given = line.partition(" < ")
    program, *arguments = shlex.split(words, comments=True)
    assert program == "glasscell"
    if given:
        stdin = io.TextIOWrapper(io.BytesIO(Path(given.strip()).read_bytes()))
        monkeypatch.setattr(sys, "stdin", stdin)
    more = [*small, "--quiet"] if arguments[0] == "fit" else []
    assert main([*arguments, *more]) == 0, line


def bare(page: str) -> list[str]:
    """All blocks without their comments, as a translation has them too."""
    return [re.sub(r" +#.*", "", block) for _, block in blocks(page)]
