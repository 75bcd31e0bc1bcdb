"""Every recipe of the cookbook runs, in its order."""

from __future__ import annotations

import pytest

from doc_blocks import DOCS, SMALL_FORECAST, run, strange_flags

RECIPES = sorted(f"cookbook/{file.name}" for file in (DOCS / "cookbook").glob("*.md"))


@pytest.mark.parametrize("page", RECIPES)
def test_every_block_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(page, SMALL_FORECAST, monkeypatch)


@pytest.mark.parametrize("page", RECIPES)
def test_every_flag_is_there(page):
    assert strange_flags(page) == set()


def test_the_first_page_names_every_recipe():
    text = (DOCS / "cookbook" / "index.md").read_text(encoding="utf-8")
    assert [page for page in RECIPES if f"({page.removeprefix('cookbook/')})" not in text] == [
        "cookbook/index.md"
    ]
