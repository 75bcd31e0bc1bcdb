"""docs/cells.md and its translation: every block of Python in them runs, in order."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
PAGES = ("cells.md", "cells.zh-CN.md")


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_every_block_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "cells_page"}
    for k, block in enumerate(blocks(page)):
        file = tmp_path / f"block_{k}.py"  # so that errors can name a line of a step
        file.write_text(block, encoding="utf-8")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block, str(file), "exec"), names)
        shown = [line.removeprefix("# ") for line in block.splitlines() if line.startswith("# ")]
        assert printed.getvalue().splitlines() == shown


def test_the_two_pages_have_the_same_code() -> None:
    def bare(page: str) -> list[str]:
        return [re.sub(r" +#.*|\"\"\".*\"\"\"", "", block) for block in blocks(page)]

    assert bare(PAGES[0]) == bare(PAGES[1])
