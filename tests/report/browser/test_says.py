"""What a page says, against the arrays that it shows: sentences, defaults, names, keys."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

import glasscell
from glasscell.inspect.dynamics.spectrum import STRETCHES, Lyapunov
from glasscell.inspect.gradients.extremes import extremes
from glasscell.inspect.verdict.symptoms import symptoms
from glasscell.report import lesson
from glasscell.report.page.collect import collect
from glasscell.report.page.render import write
from glasscell.tasks.forecast.fitting import fit
from glasscell.tasks.forecast.kept_windows import Specimens
from glasscell.tasks.inspect_run import look
from report.browser import chromium
from report.test_one_verdict import PROFILES

pytestmark = chromium.NEEDED

lstm = partial(torch.nn.LSTM, batch_first=True)


@pytest.fixture(scope="module")
def opened():
    with chromium.browser() as open_page:
        yield open_page


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A forecasting run in its own unit, far from 0 and wide."""
    folder = tmp_path_factory.mktemp("run")
    steps, rng = np.arange(400), np.random.default_rng(0)
    values = 1000 + 50 * np.sin(steps / 5) + rng.normal(size=400)
    times = pd.date_range("2024-01-01", periods=400, freq="h")
    pd.DataFrame({"time": times, "load": values}).to_csv(folder / "load.csv", index=False)
    options = {"horizon": 6, "lookback": 24, "epochs": 1, "seeds": 1, "hidden_size": 4}
    fit(folder / "load.csv", folder / "run", unit="MW", **options)
    return folder / "run"


def made(model=None, steps=40, batch=3, seed=1, **options):
    torch.manual_seed(seed)
    model = model or lstm(3, 6)
    return collect(model, torch.randn(batch, steps, 3), title="t", **options)


def saved(page, tmp_path):
    return write(page, tmp_path / "page.html", force=True)


def plainly(text):
    return text.replace("\xa0", " ")


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("reverse", [False, True])
def test_the_page_says_of_its_own_gradients_what_python_says(lang, reverse, opened, tmp_path):
    """`GC.shapeText`, for a loss that the page chose itself, beside `words_flow.extremes`."""
    page = opened(saved(made(steps=41), tmp_path))
    page.set(f"{{lang: '{lang}'}}")
    for name, norms in PROFILES.items():
        if len(norms) != 41:
            continue
        listed = [None if np.isnan(v) else v for v in norms.tolist()]
        text = json.dumps(listed).replace("null", "NaN")
        script = f"GC.shapeText({text}, '|dL/dc_t|', {json.dumps(reverse)}, 0, 40)"
        expected = extremes(norms, reverse).text(
            "|dL/dc_t|", "t\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{}".format, lang
        )
        assert page.page.evaluate(script) == expected, name


@pytest.mark.parametrize(
    ("rate", "error", "steps", "words"),
    [
        (0.0189, 0.02, 33, "not clear whether small changes grow or fade"),
        (0.0189, 0.002, 33, "some hundred steps"),
        (0.0189, 0.002, 4000, "the network is chaotic"),
        (0.003, 0.002, 4000, "not clear"),
        (-0.01, 0.003, 4000, "a change fades to 1/e in 100 steps"),
        (-0.004, 0.003, 4000, "not clear"),
    ],
)
def test_chaos_is_said_only_of_a_rate_that_is_clearly_above_zero(
    rate, error, steps, words, opened, tmp_path
):
    page = made()
    found = Lyapunov(np.array([rate, -1.0]), np.array([error, 0.1]) * STRETCHES**0.5, steps)
    rates = {
        "exponents": found.exponents.tolist(),
        "error": found.error.tolist(),
        "steps": steps,
        "chaotic": found.chaotic,
    }
    page = replace(page, measures={**page.measures, "lyapunov": {"0/0": rates}})
    shown = opened(saved(page, tmp_path))
    shown.view("fan")
    said = shown.text("#fan .reading")
    assert words in said
    assert f"Over these {steps} steps" in said
    assert ("chaotic" in said) is (words == "the network is chaotic")


def test_the_fan_of_a_large_state_is_walked_through_by_the_keys(opened, tmp_path):
    shown = made(lstm(3, 40), steps=60)
    starts = shown.measures["fan"]["0/0"]["starts"]
    assert len(starts) > 2
    page = opened(saved(shown, tmp_path))
    page.view("fan")
    slider = page.page.locator("#fan input[type=range]").first
    slider.focus()
    seen = []
    for _ in starts[1:]:
        page.page.keyboard.press("ArrowRight")
        page.settle()
        seen.append(plainly(slider.get_attribute("aria-valuetext")))
    assert seen == [f"t = {start}" for start in sorted(starts)[1:]]


def test_the_ladder_shows_the_number_that_the_verdict_rests_on(opened, tmp_path):
    """Sequences of very different memory: one alone would say something else."""
    torch.manual_seed(0)
    model = lstm(1, 8)
    with torch.no_grad():
        model.weight_ih_l0[8:16] = 3.0
    x = torch.cat([torch.ones(1, 30, 1), -torch.ones(5, 30, 1)])
    with glasscell.trace(model) as trace, torch.no_grad():
        model(x)
    slow = symptoms(trace["l0"]).memory
    page = opened(saved(collect(model, x, title="t"), tmp_path))
    page.view("ladder")
    said = page.text("#ladder .says")
    assert "Over all 6 sequences" in said
    assert f"Nine units in ten fall to half within {slow:.1f} steps" in said
    page.page.get_by_role("button", name="This series").click()
    page.settle()
    alone = page.text("#ladder .says")
    assert "In #0:" in alone
    assert "Nine units in ten" not in alone


def test_the_dossier_and_the_wall_have_one_number(opened, tmp_path, monkeypatch):
    """Pooled maps: the chosen unit is on the page step by step, and both read it from there."""
    monkeypatch.setattr("glasscell.report.page.pack.RUN", 0.0)
    monkeypatch.setattr(sys.modules["glasscell.report.page.render"], "PAGE_BYTES", 1_300_000)
    shown = made(lstm(3, 64), steps=3000, batch=1, ways=False)
    page = opened(saved(shown, tmp_path))
    page.view("wall")
    assert page.page.evaluate("GC.get('cell').pool") > 1
    for t in (17, 1234, 2999):
        page.set(f"{{t: {t}}}")
        page.view("dossier")
        unit = shown.start["unit"]
        wall = page.page.evaluate(f"GC.number(GC.value('cell', {unit}, {t}))")
        assert wall in page.page.locator("#dossier .keys .value").all_inner_texts()
        truth = float(shown.series[0].traces[0].cell[t, unit])
        assert float(wall.replace("−", "-")) == pytest.approx(truth, abs=1e-3)


def test_a_forecast_has_its_own_axis_unit_truth_and_cursor(run, opened, tmp_path):
    shown = look(run)
    page = opened(saved(shown, tmp_path))
    page.view("whatif")
    page.until("document.querySelector('#whatif .host').dataset.runs > 0")
    page.settle()
    before = page.page.evaluate("GC.state.t")
    plots = page.page.locator("#whatif .plot:visible")
    plots.nth(0).focus()
    for _ in range(5):
        page.page.keyboard.press("ArrowRight")
    page.settle()
    assert page.page.evaluate("GC.state.t") == before
    kept = Specimens.load(run / "windows.npz")
    scale, center = kept.scale[0], kept.center[0]
    forecast = center + scale * shown.series[0].output[0, 5]
    truth = center + scale * kept.y[0, 5]
    legend = page.page.locator("#whatif .keys .value").all_inner_texts()
    assert all("MW" in text for text in legend)
    numbers = [float(text.split()[0]) for text in legend]
    assert numbers == pytest.approx([forecast, forecast, truth], abs=0.51)
    assert 900 < truth < 1100
    page.page.locator("#whatif summary").click()
    page.settle()
    head = page.page.locator("#whatif details th").all_inner_texts()
    assert head == ["steps ahead", "as it was", "changed", "what happened"]
    assert page.page.locator("#whatif details td").first.inner_text() == "1"


def test_a_runs_own_channel_has_a_chinese_name(run, opened, tmp_path):
    page = opened(saved(look(run), tmp_path))
    page.view("wall")
    page.set("{lang: 'zh'}")
    assert "目标减去其最近值" in page.text("#wall .rows")
    assert "target less" not in page.text("#wall .rows")


def test_the_page_of_a_trace_says_what_is_there_and_why_the_rest_is_not(opened, tmp_path):
    torch.manual_seed(0)
    model = lstm(3, 6, 2)
    with glasscell.trace(model) as trace, torch.no_grad():
        model(torch.randn(2, 30, 3))
    path = tmp_path / "trace.html"
    path.write_text(trace.to_html(), encoding="utf-8")
    page = opened(path)
    page.view("verdict")
    head = page.text("#verdict .headline")
    slow = {name: symptoms(trace[name]).memory for name in trace}
    longest = max(slow, key=slow.get)
    assert f"{longest} remembers longest" in head
    assert f"for {slow[longest]:.1f} steps or more" in head
    for view in ("river", "influence", "path", "fan", "dossier", "whatif"):
        page.view(view)
        said = page.text(f"#{view}")
        assert "trace" in said, view
        assert "too long" not in said
        assert "takes seconds" not in said


def test_a_hole_in_the_input_is_marked_and_named(opened, tmp_path):
    torch.manual_seed(0)
    x = torch.randn(2, 30, 3)
    x[0, 17, 1] = float("nan")
    page = opened(saved(collect(lstm(3, 6), x, title="t"), tmp_path))
    for view in ("verdict", "wall"):
        page.view(view)
        assert "x1 at t = 17" in plainly(page.text(f"#{view} .note"))
    # Red at that step of that input's line, and nowhere in the line of another one.
    counted = page.page.evaluate("""(() => [0, 1].map((k) => {
        const c = document.querySelectorAll('#wall .rows canvas')[k];
        const bad = GC.rgb(GC.palette().bad);
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        let n = 0;
        for (let p = 0; p < d.length; p += 4)
          n += d[p + 3] > 100 && [0, 1, 2].every((j) => Math.abs(d[p + j] - bad[j]) < 6);
        return n; }))()""")
    assert counted[0] == 0
    assert counted[1] > 100
    page.view("provenance")
    assert "is not a finite number" in page.text("#provenance .says")
    assert page.problems == []


def test_a_page_opens_where_something_happens(opened, tmp_path):
    shown = made(steps=60)
    start = shown.start
    cell = shown.series[0].traces[0].cell
    assert 0 < start["t"] < 59
    cost = shown.measures["dossier"]["0"]["ablation"]
    assert cost[start["unit"]] == max(cost)
    moved = abs(np.diff(cell[:, start["unit"]]))
    assert start["t"] == 1 + int(np.argmax(moved[:-1]))
    page = opened(saved(shown, tmp_path))
    page.view("path")
    assert "At lag 0 " not in page.text("#path .reading")
    page.view("match")
    assert page.page.locator("#match .matches button").count() > 0


def test_a_plain_rnn_is_not_told_about_gates(opened, tmp_path):
    page = opened(saved(made(torch.nn.RNN(3, 5, 2, batch_first=True)), tmp_path))
    for view in page.page.evaluate("GC.views.map((v) => v.id)"):
        if page.page.evaluate(f"document.getElementById('{view}').hidden"):
            continue
        page.view(view)
    page.view("cell")
    assert page.page.locator("#cell svg.drawing").count() == 2
    drawn = page.page.locator("#cell [data-value=hidden]").first.text_content()
    value = page.page.evaluate("GC.value('hidden')")
    assert float(drawn.replace("−", "-")) == pytest.approx(value, abs=6e-4)
    for view in ("wall", "cell", "dossier", "whatif", "weights"):
        assert "gate" not in page.text(f"#{view}").lower(), view
    for view in ("provenance", "ladder", "saturation", "path"):
        assert page.page.evaluate(f"document.getElementById('{view}').hidden")
    assert page.problems == []


NAMELESS = """(() => {
  const found = [];
  const place = (node) => node.closest('[data-view], .console, header').id;
  for (const c of document.querySelectorAll('canvas[role=img]:not([aria-hidden])'))
    if (c.offsetParent && !c.getAttribute('aria-label')) found.push(`canvas in ${place(c)}`);
  for (const i of document.querySelectorAll('input, select, button')) {
    if (!i.checkVisibility()) continue;
    // A label names the first control in it alone.
    const labels = [...(i.labels ?? [])].filter((l) => l.control === i).map((l) => l.textContent);
    const name = i.getAttribute('aria-label') || i.textContent || labels.join('');
    if (!name.trim()) found.push(`${i.type} in ${place(i)}`);
  }
  let last = 1;
  for (const h of document.querySelectorAll('h1, h2, h3, h4, h5, h6')) {
    if (!h.checkVisibility()) continue;
    const level = Number(h.tagName[1]);
    if (level > last + 1) found.push(`h${last} to h${level} at ${h.textContent}`);
    last = level;
  }
  return found; })()"""


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_everything_has_a_name_and_no_heading_skips_a_level(lang, run, opened, tmp_path):
    page = opened(saved(look(run), tmp_path))
    page.set(f"{{lang: '{lang}'}}")
    for view in page.page.evaluate("GC.views.map((v) => v.id)"):
        if not page.page.evaluate(f"document.getElementById('{view}').hidden"):
            page.view(view)
    assert page.page.evaluate(NAMELESS) == []
    names = page.page.evaluate(
        "[...document.querySelectorAll('#whatif .clamp input')].map((i) => i.ariaLabel)"
    )
    assert len(names) == 6
    assert all(names)


def test_a_slider_shows_the_number_and_not_its_nearest_stop(opened, tmp_path):
    torch.manual_seed(0)
    x = torch.randn(1, 30, 3)
    x[0, 7, 0] = 1.03
    page = opened(saved(collect(lstm(3, 4), x, title="t"), tmp_path))
    page.view("whatif")
    page.until("document.querySelector('#whatif .host').dataset.runs > 0")
    page.set("{t: 7}")
    shown = page.page.evaluate(
        "[...document.querySelectorAll('#whatif .slider output')].map((o) => o.textContent)"
    )
    assert "1.03" in shown


def test_layers_that_ail_alike_are_one_card(opened, tmp_path):
    page = opened(saved(made(lstm(3, 6, 3, bidirectional=True), steps=80), tmp_path))
    page.view("verdict")
    kinds = {(one["mark"], one["kind"]) for one in page.page.evaluate("GC.data.verdicts")}
    assert page.page.locator("#verdict .finding").count() <= len(kinds) + 1
    assert page.page.locator("#verdict .seen:visible").count() <= 2 * len(kinds) + 2


def test_a_long_series_can_be_looked_at_in_part(opened, tmp_path):
    page = opened(saved(made(lstm(3, 4), steps=900, batch=1, ways=False), tmp_path))
    page.view("wall")
    page.set("{t: 450}")
    page.page.get_by_role("button", name="200 around the cursor").click()
    page.settle()
    plot = "#wall .plot.heat"
    box = page.page.locator(plot).first.bounding_box()
    page.page.mouse.move(box["x"] + 2, box["y"] + 20)
    page.settle()
    assert 345 <= page.page.evaluate("GC.state.t") <= 355
    page.set("{t: 10}")
    left = page.page.evaluate(
        "parseFloat(document.querySelector('#wall .plot.heat .cursor').style.left)"
    )
    assert 20 < left < 100
    assert page.problems == []


def test_the_printed_lesson_shows_its_answers(opened, tmp_path):
    path = lesson.write(lesson.lesson(), tmp_path / "lesson.html")
    page = opened(path)
    page.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    closed = "document.querySelectorAll('details:not(.numbers):not([open])').length"
    assert page.page.evaluate("document.querySelectorAll('details.check').length") > 3
    assert page.page.evaluate(closed) == 0
    page.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.page.evaluate(closed) > 3


def test_the_lessons_table_and_its_sentence_have_one_scale(opened, tmp_path):
    path = lesson.write(lesson.lesson(), tmp_path / "lesson.html")
    page = opened(path)
    page.view("ch-fading")
    page.page.locator("#ch-fading summary", has_text="numbers").click()
    page.settle()
    k = json.loads(page.page.get_attribute("#ch-fading .stage", "data-products"))["k"]
    cell = page.page.locator("#ch-fading details.numbers tbody tr").nth(k - 1).locator("td").nth(2)
    assert f"gradient of the answer × {cell.inner_text()} is left" in page.text(
        "#ch-fading .reading"
    )
