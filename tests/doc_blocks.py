"""Runs the code of a page of docs in its order, as a reader would."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from glasscell.cli import main
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.sequences.options import SequenceOptions
from glasscell.tasks.text.options import TextOptions

DOCS = Path(__file__).parents[1] / "docs"
CLI = Path(__file__).parents[1] / "src" / "glasscell" / "cli"
OF_OTHERS = {"--nproc-per-node", "--nnodes", "--rdzv-endpoint"}
"""Flags of torchrun."""
SMALL_FORECAST = [
    *("--seeds", "1", "--epochs", "1", "--hidden-size", "4", "--jobs", "1"),
    *("--lookback", "21", "--max-windows", "500", "--baselines", "[]"),
]
"""What makes a `glasscell fit` of series a small one."""


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
                said = printed.read().splitlines()
                assert said == shown, f"{page}, block {number}, printed {said}"
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


def strange_flags(page: str) -> set[str]:
    """Flags that a page names and no command has."""
    options = [*fields(ForecastOptions), *fields(SequenceOptions), *fields(TextOptions)]
    known = {f"--{one.name.replace('_', '-')}" for one in options} | OF_OTHERS
    for file in CLI.glob("*.py"):
        known |= set(re.findall(r'"(--[a-z_-]+)"', file.read_text(encoding="utf-8")))
    text = (DOCS / page).read_text(encoding="utf-8")
    return set(re.findall(r"(?<![\w-])--[a-z][a-z_-]*", text)) - known
