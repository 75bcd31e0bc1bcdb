"""The views of runs on labelled sequences and text, in a real Chromium."""

from __future__ import annotations

from dataclasses import replace

import pytest

from glasscell.report.page.render import write
from report.browser import chromium
from report.page.test_static import page as filled

pytestmark = chromium.NEEDED
VIEWS = ("confusion", "mistakes", "tags", "decided", "text", "tracks", "sample")
HOSTILE = "<script>window.hit = 1</script>"


@pytest.fixture(scope="module")
def opened():
    with chromium.browser() as open_page:
        yield open_page


def told(text="sugar"):
    shown = filled(text=text)
    series = replace(shown.series[0], text=list("0123456789" * 6))
    bits = {"0/surprise": shown.arrays["0/added"]}
    return replace(shown, series=[series]).more(bits, {})


@pytest.mark.parametrize(("width", "theme"), [(1200, "light"), (390, "dark")])
def test_every_view_opens_in_both_languages(opened, tmp_path, width, theme):
    page = opened(write(told(HOSTILE), tmp_path / "page.html"), width=width, theme=theme)
    for lang in ("en", "zh"):
        page.set(f"{{lang: '{lang}'}}")
        for view in VIEWS:
            page.view(view)
    assert page.text("#confusion .matrix tbody tr:first-child").split()[-1] == "0.82"
    assert page.text("#mistakes tbody .link") == HOSTILE
    assert page.text("#sample .running") == HOSTILE
    assert page.inks("#decided canvas") > 100
    assert page.inks("#tags canvas") > 100
    assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.page.evaluate("window.hit") is None
    assert page.problems == []


def test_a_cell_names_its_sequences_and_a_mistake_goes_to_its_step(opened, tmp_path):
    page = opened(write(told(), tmp_path / "page.html"))
    page.view("confusion")
    page.page.locator("#confusion .matrix tbody tr:first-child button").nth(1).click()
    page.settle()
    assert page.text("#confusion .cellnames") == "sugar, said to be no: 7. sugar"
    page.view("mistakes")
    page.page.locator("#mistakes .link").first.click()
    page.settle()
    assert page.page.evaluate("GC.state.t") == 3
    assert page.problems == []


def test_a_unit_that_keeps_track_colours_the_text(opened, tmp_path):
    page = opened(write(told(), tmp_path / "page.html"))
    page.view("text")
    page.page.locator("#text button[value=surprise]").click()
    page.settle()
    first = page.page.evaluate("document.querySelector('#text .running').innerHTML")
    page.view("tracks")
    page.page.locator("#tracks .link").first.click()
    page.settle()
    assert page.page.evaluate("GC.state.unit") == 3
    assert page.page.locator("#text button[aria-pressed=true]").first.inner_text() == "cell state"
    assert page.page.evaluate("document.querySelector('#text .running').innerHTML") != first
    assert page.problems == []
