"""docs/sequences.md and docs/text.md: their code runs, their flags are there."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from doc_blocks import DOCS, bare, run
from glasscell.tasks.sequences.options import SequenceOptions
from glasscell.tasks.text.options import TextOptions

CLI = Path(__file__).parents[1] / "src" / "glasscell" / "cli"
OF_OTHERS = {"--nproc-per-node"}
SMALL = {
    "sequences.md": ["--rounds", "2", "--epochs", "2", "--hidden-size", "4", "--jobs", "1"],
    "text.md": ["--seeds", "1", "--epochs", "1", "--hidden-size", "8", "--jobs", "1"],
}


@pytest.mark.parametrize("page", SMALL)
def test_every_block_runs(page, tmp_path, monkeypatch):
    # To compile its kernels takes longer than all else.
    monkeypatch.setattr("glasscell.tasks.sequences.baselines._has_rocket", lambda: False)
    monkeypatch.chdir(tmp_path)
    run(page, SMALL[page], monkeypatch)


@pytest.mark.parametrize("page", SMALL)
def test_a_translation_has_the_same_code(page):
    assert bare(page) == bare(page.replace(".md", ".zh-CN.md"))


@pytest.mark.parametrize("page", SMALL)
@pytest.mark.parametrize("language", [".md", ".zh-CN.md"])
def test_every_flag_is_there(page, language):
    options = [*fields(SequenceOptions), *fields(TextOptions)]
    known = {f"--{one.name.replace('_', '-')}" for one in options} | OF_OTHERS
    for file in CLI.glob("*.py"):
        known |= set(re.findall(r'"(--[a-z_-]+)"', file.read_text(encoding="utf-8")))
    text = (DOCS / page.replace(".md", language)).read_text(encoding="utf-8")
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z_-]*", text)) - known == set()
