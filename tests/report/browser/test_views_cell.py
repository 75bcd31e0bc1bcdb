"""The frame and the views of one layer in a real Chromium, over models and data made up here."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from glasscell.report.page.collect import collect
from glasscell.report.page.render import write
from report.browser import chromium

pytestmark = chromium.NEEDED

VIEWS = ("verdict", "wall", "cell", "provenance", "ladder", "saturation")
HOSTILE = "<script>window.hit = 1</script>"
lstm = partial(torch.nn.LSTM, batch_first=True)
MODELS = {
    "deep": (lambda: lstm(4, 16, 3), 60),
    "bidirectional": (lambda: lstm(3, 6, 2, bidirectional=True), 30),
    "projection": (lambda: lstm(3, 9, 2, proj_size=4), 30),
    "three units": (lambda: lstm(3, 3), 40),
    "one step": (lambda: lstm(3, 3), 1),
    "plain": (lambda: torch.nn.RNN(3, 6, 2, batch_first=True), 30),
    "wide": (lambda: lstm(3, 512), 30),
    "long": (lambda: lstm(2, 48), 5000),
}


@pytest.fixture(scope="module")
def opened():
    with chromium.browser() as open_page:
        yield open_page


def made(tmp_path, name, lang="en", spoil=lambda x: x, **kwargs):
    torch.manual_seed(1)
    build, steps = MODELS[name]
    model = build()
    x = np.random.default_rng(0).normal(size=(2, steps, model.input_size)).astype(np.float32)
    shown = collect(model, spoil(x), ways=False, **kwargs)
    return shown, write(shown, tmp_path / "page.html", lang=lang)


@pytest.mark.parametrize("name", MODELS)
def test_every_view_opens_and_follows_cursor_unit_layer_series_and_language(opened, tmp_path, name):
    _, path = made(tmp_path, name)
    page = opened(path)
    hidden = "GC.views.filter((v) => v.section.hidden).map((v) => v.id)"
    views = [view for view in VIEWS if view not in page.page.evaluate(hidden)]
    for view in views:
        page.view(view)
        page.set("{t: 1e9}")
        page.page.evaluate("GC.move(-1, 1)")
        page.settle()
    for layer in range(page.page.evaluate("GC.data.layers.length")):
        page.set(f"{{layer: {layer}, lang: 'zh', series: 1, theme: 'dark'}}")
        for view in views:
            page.view(view)
    assert page.problems == []
    assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_bad_data_and_names_from_outside_leave_the_page_whole(opened, tmp_path):
    def spoil(x):
        x[0, 10:12] = np.nan
        x[1] = 1.0
        return x

    named = {"names": [HOSTILE] * 2, "inputs": [HOSTILE] * 3, "labels": [HOSTILE] * 40}
    _, path = made(tmp_path, "three units", spoil=spoil, title=HOSTILE, **named)
    page = opened(path, width=360, theme="dark")
    for view in VIEWS:
        page.view(view)
        page.set("{t: 20}")
    page.set("{series: 1}")
    assert page.problems == []
    assert page.page.evaluate("window.hit === undefined")
    assert page.text("h1") == HOSTILE
    assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_cell_shows_the_equations_with_the_traced_numbers(opened, tmp_path):
    shown, path = made(tmp_path, "deep")
    trace = shown.series[0].traces[1]
    page = opened(path)
    page.view("cell")
    page.set("{layer: 1, t: 17, unit: 5}")
    wires = page.page.evaluate("GC.wires()")
    assert wires["cell"] == pytest.approx(trace.cell[17, 5], abs=2e-4)
    assert wires["kept"] + wires["written"] == pytest.approx(wires["cell"], abs=5e-4)
    assert wires["hidden"] == pytest.approx(trace.hidden[17, 5], abs=2e-4)
    inside = page.page.evaluate("GC.sum(1)")  # that of the forget gate
    assert inside["x"] + inside["h"] + inside["b"] == pytest.approx(inside["sum"])
    assert 1 / (1 + np.exp(-inside["sum"])) == pytest.approx(trace.forget[17, 5], abs=1e-3)
    assert page.page.locator("#cell .eq").count() == 6


def test_the_cell_of_a_reverse_layer_has_its_memory_from_the_step_after(opened, tmp_path):
    shown, path = made(tmp_path, "bidirectional")
    page = opened(path)
    page.set("{layer: 1, t: 7, unit: 2}")
    before = page.page.evaluate("GC.wires().cell_prev")
    assert before == pytest.approx(shown.series[0].traces[1].cell[8, 2], abs=1e-6)
    page.set("{t: 29}")
    assert page.page.evaluate("GC.wires().cell_prev") == 0


def test_what_is_left_of_all_writes_adds_up_to_the_cell(opened, tmp_path):
    shown, path = made(tmp_path, "bidirectional")
    page = opened(path)
    for layer, step in ((0, 29), (1, 0)):
        page.set(f"{{layer: {layer}, unit: 3}}")
        total = page.page.evaluate(
            f"(() => {{ const s = GC.split(...GC.writes(), {step}, 0, GC.layer.reverse);"
            "return s.left.reduce((a, v) => a + (Number.isNaN(v) ? 0 : v), 0); })()"
        )
        assert total == pytest.approx(shown.series[0].traces[layer].cell[step, 3], abs=1e-6)


def test_the_parts_of_the_cell_light_up_one_at_a_time(opened, tmp_path):
    _, path = made(tmp_path, "deep")
    page = opened(path)
    page.view("cell")
    page.page.locator("#cell .parts-choice button").nth(1).click()
    page.settle()
    assert page.page.evaluate("document.querySelector('#cell .host').dataset.lit") == "forget"
    dim = "Number(getComputedStyle(document.querySelector('#cell .eq[data-part=show]')).opacity)"
    page.until(f"{dim} < 0.2")
    assert "forget gate" in page.text("#cell .telling")


def test_arrows_move_time_and_unit_and_the_cursor_stands_in_every_row(opened, tmp_path):
    _, path = made(tmp_path, "deep")
    page = opened(path)
    page.view("wall")
    page.page.locator("#wall .plot.heat").first.focus()
    page.set("{t: 5}")
    order = page.page.evaluate("GC.order()")
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "Shift+ArrowRight"):
        page.page.keyboard.press(key)
        page.settle()
    assert page.page.evaluate("GC.state.t") == 16
    page.set(f"{{unit: {order[3]}}}")
    page.page.keyboard.press("ArrowDown")
    page.settle()
    assert page.page.evaluate("GC.state.unit") == order[4]
    for key, t in (("End", 59), ("Home", 0)):
        page.page.keyboard.press(key)
        page.settle()
        assert page.page.evaluate("GC.state.t") == t
    lefts = page.page.evaluate(
        "[...document.querySelectorAll('#wall .cursor')].map((c) => c.style.left)"
    )
    assert len(set(lefts[:7])) == 1


def test_the_language_switch_translates_everything_on_the_page(opened, tmp_path):
    _, path = made(tmp_path, "deep")
    page = opened(path)
    page.page.locator("#settings button", has_text="中文").click()
    page.settle()
    for view in VIEWS:
        page.view(view)
    assert "遗忘门" in page.text("#wall")
    assert page.page.evaluate("document.documentElement.lang") == "zh-Hans"
    bare = page.page.evaluate(
        "[...document.querySelectorAll('[data-say]')].map((n) => n.textContent)"
        ".filter((text) => /^[a-z]+([.][a-z.]+)+$/.test(text))"
    )
    assert bare == []


def test_text_wears_the_colour_of_the_chosen_unit(opened, tmp_path):
    text = list("open ( and close ) again, thirty ")[:30]
    _, path = made(tmp_path, "bidirectional", text=[text, text])
    page = opened(path)
    page.view("text")
    colours = "[...document.querySelectorAll('.running span')].map((s) => s.style.background)"
    first = page.page.evaluate(colours)
    page.page.evaluate("GC.move(0, 1)")
    page.settle()
    assert len(first) == 30
    assert first != page.page.evaluate(colours)


def test_a_pooled_page_says_so_and_offers_a_whole_unit(opened, tmp_path):
    shown, path = made(tmp_path, "long")
    path = write(replace(shown, model=None, layers=bare(shown)), path, force=True)
    page = opened(path)
    units = page.page.evaluate("GC.exactUnits()")
    other = next(unit for unit in range(48) if unit not in units)
    page.set(f"{{unit: {other}}}")
    page.view("provenance")
    page.page.locator("#provenance .press").click()
    page.settle()
    unit = page.page.evaluate("GC.state.unit")
    assert unit in units
    cell = shown.series[0].traces[0].cell
    exact = page.page.evaluate("GC.value('cell', GC.state.unit, 4321)")
    assert exact == pytest.approx(cell[4321, unit], abs=1e-3)


def bare(shown):
    """The layers without weights: such a page cannot run its network."""
    return [replace(layer, weights={}) for layer in shown.layers]


def test_a_page_computes_again_what_did_not_fit_into_it(opened, tmp_path):
    shown, path = made(tmp_path, "long")
    page = opened(path)
    assert page.page.evaluate("GC.data.rerun && GC.data.arrays['0/0/cell'].type === 'u8'")
    page.until("GC.rerun.refined()")
    cell = shown.series[0].traces[0].cell
    for unit, step in ((0, 17), (31, 4321)):
        found = page.page.evaluate(f"GC.value('cell', {unit}, {step})")
        assert found == pytest.approx(cell[step, unit], abs=2e-6)
    page.view("wall")
    assert "computed these numbers itself" in page.text("#wall .note")


def test_without_script_the_page_shows_its_static_pictures(opened, tmp_path):
    _, path = made(tmp_path, "deep")
    page = opened(path).page.context.browser.new_page(java_script_enabled=False)
    page.goto(path.as_uri())
    assert page.locator("#static table").first.is_visible()
    assert page.locator("#static img").count() == 18  # six quantities of three layers
    assert page.locator("#static .drawing.wide").is_visible()
    assert not page.locator("#static .drawing.narrow").is_visible()
    assert not page.locator("#console").is_visible()


def test_bars_are_of_the_steps_that_still_count_unless_all_are_asked_for(opened, tmp_path):
    _, path = made(tmp_path, "deep")
    page = opened(path)
    page.view("provenance")
    toggle = page.page.locator("#provenance .tools .toggle")
    box = page.page.locator("#provenance .row .plot").nth(1).bounding_box()

    def middle():
        page.page.mouse.move(box["x"] + 1, box["y"] + 40)
        page.page.mouse.move(box["x"] + (box["width"] - 58) / 2, box["y"] + 40)
        page.settle()
        return page.page.evaluate("GC.state.t")

    assert toggle.get_attribute("aria-pressed") == "true"
    assert middle() > 45
    toggle.click()
    page.settle()
    assert toggle.get_attribute("aria-pressed") == "false"
    assert abs(middle() - 30) <= 1
    assert page.problems == []
