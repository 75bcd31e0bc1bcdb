"""The site builds strictly, holds every page, and asks no other machine for anything."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SITE = ROOT / "site"
LOADED = re.compile(r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=\"?([^\" >]+)")
LINKED = re.compile(r"<a\b[^>]*?href=\"?([^\" >]+)")


@pytest.fixture(scope="module")
def pages() -> dict[Path, str]:
    """Every page of both languages, built anew."""
    command = [sys.executable, str(ROOT / "scripts" / "build_site.py")]
    built = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    said = built.stdout + built.stderr
    assert built.returncode == 0, said
    assert said.count("No issues found") == 2, said
    assert "arning" not in said, said
    files = (file for file in SITE.rglob("*.html") if file.name != "404.html")
    return {file: file.read_text(encoding="utf-8") for file in files}


def test_every_page_of_docs_is_there(pages):
    for file in (ROOT / "docs").rglob("*.md"):
        place = file.relative_to(ROOT / "docs")
        chinese = place.name.endswith(".zh-CN.md")
        name = place.name.replace(".zh-CN", "").replace(".md", ".html")
        assert (SITE / ("zh" if chinese else "") / place.with_name(name)) in pages, place


def test_what_pages_load_and_link_to_lies_beside_them(pages):
    for file, text in pages.items():
        for target in {*LOADED.findall(text), *LINKED.findall(text)}:
            if target.startswith(("#", "data:", "mailto:")):
                continue
            assert "://" not in target, (file, target)
            goal = file.parent / target.partition("#")[0]
            assert goal.exists(), (file, target)


def test_a_translation_and_its_page_lead_to_each_other(pages):
    switch = re.compile(r'href="?([^" ]+)"? hreflang="?\w+"? class="md-header__button gc-language"')
    for file in SITE.glob("zh/*.html"):
        if file.name != "404.html":
            english = (file.parent / switch.search(pages[file])[1]).resolve()
            assert english == SITE / file.name
            assert (english.parent / switch.search(pages[english])[1]).resolve() == file


def test_docstrings_are_rendered_with_shapes_and_examples(pages):
    text = re.sub(r"<[^>]+>", "", pages[SITE / "api" / "model.html"])
    assert "(n, P), the model's output at this step" in text
    assert "&gt;&gt;&gt; pool = model.pool(1_000_000)" in text
    assert ">>>" not in re.sub(r"<pre.*?</pre>", "", pages[SITE / "api" / "model.html"], flags=re.S)
