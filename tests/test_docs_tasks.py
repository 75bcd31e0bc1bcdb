"""The pages on tasks, and the first page: their code runs, their flags are there."""

from __future__ import annotations

import matplotlib
import pytest

from doc_blocks import DOCS, SMALL_FORECAST, bare, run, strange_flags

SMALL = {
    "quickstart.md": SMALL_FORECAST,
    "forecasting.md": SMALL_FORECAST,
    "sequences.md": ["--rounds", "2", "--epochs", "2", "--hidden-size", "4", "--jobs", "1"],
    "text.md": ["--seeds", "1", "--epochs", "1", "--hidden-size", "8", "--jobs", "1"],
    "inspect.md": [],
    "plots.md": [],
    "convert.md": [],
    "deploy.md": [],
}
TRANSLATED = [page for page in SMALL if (DOCS / page.replace(".md", ".zh-CN.md")).exists()]


@pytest.mark.parametrize("page", SMALL)
def test_every_block_runs(page, tmp_path, monkeypatch):
    # To compile its kernels takes longer than all else.
    monkeypatch.setattr("glasscell.tasks.sequences.baselines._has_rocket", lambda: False)
    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    run(page, SMALL[page], monkeypatch)


@pytest.mark.parametrize("page", TRANSLATED)
def test_a_translation_has_the_same_code(page):
    assert bare(page) == bare(page.replace(".md", ".zh-CN.md"))


@pytest.mark.parametrize("page", [*SMALL, *(p.replace(".md", ".zh-CN.md") for p in TRANSLATED)])
def test_every_flag_is_there(page):
    assert strange_flags(page) == set()
