"""The views of runs and of the demo in a real Chromium: results, curves, forecast, events …"""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from glasscell.report.page.render import write
from glasscell.report.page.several import together
from glasscell.report.views.results.data import Table, results
from report.browser import chromium
from report.page.test_static import page as filled

pytestmark = chromium.NEEDED
HOSTILE = "<script>window.hit = 1</script>"
VIEWS = ("results", "curves", "forecast", "events", "training", "duel")


@pytest.fixture(scope="module")
def opened():
    with chromium.browser() as open_page:
        yield open_page


@pytest.mark.parametrize(("width", "theme"), [(1200, "light"), (390, "dark")])
def test_every_view_opens_in_both_languages_and_says_what_is_given(opened, tmp_path, width, theme):
    page = opened(write(filled(text=HOSTILE), tmp_path / "page.html"), width=width, theme=theme)
    for lang in ("en", "zh"):
        page.set(f"{{lang: '{lang}'}}")
        for view in VIEWS:
            page.view(view)
    assert "14.78" in page.text("#results .marked")
    assert HOSTILE in page.text("#results .says")
    assert " 0.25 " in page.text("#forecast .reading")
    assert page.inks("#forecast canvas") > 100
    assert page.inks("#training canvas") > 100
    assert page.inks("#curves canvas") > 100
    assert page.page.locator("#duel .panels canvas").count() == 2
    assert page.page.locator("#duel .badge.bad").count() == 1
    assert page.page.locator("#wall .plot .event").count() > 6
    assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.page.evaluate("window.hit") is None
    assert page.problems == []


@pytest.mark.parametrize("width", [1200, 800, 400])
def test_a_table_of_ten_columns_fits_or_scrolls_with_its_first_column_in_sight(
    opened, tmp_path, width
):
    names = ["method", "MAE", "± between seeds", "RMSE", "MASE", "% of values in the 90 % interval"]
    names += ["its width", "CRPS", "parameters", "seconds to fit"]
    rows = [
        ["plain RNN (its linear start)", 1.881, 0.2, 10.755, 0.2382, 98.17, 13.79, 1.612, 5316, 1]
    ]
    table = Table(caption="Errors.", columns=names, rows=rows, highlight=[0])
    shown = filled()
    shown = replace(shown, measures={**shown.measures, "results": results(["Said."], [table], [])})
    page = opened(write(shown, tmp_path / "page.html"), width=width)
    page.view("results")
    wide, there = page.page.evaluate(
        "(() => { const box = document.querySelector('#results .scroll'); box.scrollLeft = 1e6;"
        "return [box.scrollWidth, box.clientWidth]; })()"
    )
    assert (wide > there) == (width == 400)
    left = "document.querySelector('#results {}').getBoundingClientRect().left"
    assert page.page.evaluate(f"{left.format('td')} === {left.format('.scroll')}")
    assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", [1200, 400])
def test_curves_have_one_key_a_name_a_tip_and_their_numbers(opened, tmp_path, width):
    page = opened(write(filled(), tmp_path / "page.html"), width=width)
    page.view("curves")
    keys = "#curves .key > span"
    assert page.page.locator(keys).all_inner_texts() == ["sugar", "mean", "chance"]
    box = page.page.locator("#curves .plot").bounding_box()
    area = page.page.evaluate("GC.plots.find((one) => one.host.closest('#curves')).area")
    # The last point of the band's line, at x = 100 and y = 4 of 0.001 … 8 on log axes.
    right = box["x"] + area["x"] + area["w"] * (1 - 0.02 / 1.04)
    share = (math.log10(8 / 4) / math.log10(8 / 0.001) + 0.07) / 1.14
    page.page.mouse.move(right, box["y"] + area["y"] + area["h"] * share)
    assert page.page.locator(".tip div").all_inner_texts() == ["mean", "lag: 100", "error: 4.0000"]
    page.page.locator("#curves summary").click()
    page.settle()
    rows = page.page.locator("#curves .numbers tbody tr").all_inner_texts()
    assert len(rows) == 3 + 4 + 2
    assert rows[4].split("\t") == ["error over lag", "sugar", "2", "–"]
    assert rows[8].split("\t")[3] == "4.0000 (2.0000 … 8.0000)"
    page.set("{lang: 'zh'}")
    assert page.page.locator(keys).all_inner_texts() == ["sugar", "均值", "随机水平"]
    assert page.text("#curves h3") == "sugar 下降。"
    assert page.problems == []


def test_a_page_without_a_run_has_none_of_them(opened, tmp_path):
    shown = filled()
    bare = {
        k: v for k, v in shown.measures.items() if k in ("orders", "half_life", "lag", "judged")
    }
    bare = type(shown)(title="t", layers=shown.layers, series=shown.series, measures=bare)
    page = opened(write(bare, tmp_path / "page.html"))
    hidden = page.page.evaluate("GC.views.filter((v) => v.section.hidden).map((v) => v.id)")
    assert {"results", "curves", "forecast", "events", "training"} <= set(hidden)
    assert page.problems == []


def test_a_series_of_another_network_brings_its_layers(opened, tmp_path):
    shown = together(filled(T=30, H=4), filled(T=20, H=6), "second")
    page = opened(write(shown, tmp_path / "page.html"))
    assert [layer.name for layer in shown.layers] == ["rnn.l0", "second: rnn.l0"]
    for view in ("wall", "cell", "events", "match", "whatif"):
        page.view(view)
    page.set("{series: 1}")
    assert page.page.evaluate("[GC.state.layer, GC.lag, GC.series.T]") == [1, 19, 20]
    for view in ("wall", "cell", "events", "match", "whatif"):
        page.view(view)
    page.set("{layer: 0}")
    assert page.page.evaluate("[GC.state.series, GC.lag]") == [0, 29]
    assert page.problems == []
