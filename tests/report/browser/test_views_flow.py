"""Views 7 to 16 in a real Chromium, over models and data made up here."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import pytest
import torch

import glasscell
import madeup
from glasscell.cells.parameters import Config
from glasscell.model import modelfile
from glasscell.report.page import seen
from glasscell.report.page.collect import collect
from glasscell.report.page.exploration import Exploration
from glasscell.report.page.render import write
from report.browser import chromium, made_measures

pytestmark = chromium.NEEDED

VIEWS = (
    *("river", "influence", "path", "fan", "duel"),
    *("film", "match", "dossier", "whatif", "weights"),
)
HOSTILE = "<script>window.hit = 1</script>"


@pytest.fixture(scope="module")
def opened():
    with chromium.browser() as open_page:
        yield open_page


class Both(torch.nn.Module):
    """An LSTM and a plain RNN on the same input."""

    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(3, 8, batch_first=True)
        self.rnn = torch.nn.RNN(3, 8, batch_first=True)
        self.head = torch.nn.Linear(16, 2)

    def forward(self, x):
        return self.head(torch.cat([self.lstm(x)[0], self.rnn(x)[0]], dim=-1))


lstm = partial(torch.nn.LSTM, batch_first=True)
MODELS = {
    "deep": (lambda: lstm(4, 16, 3), 60),
    "bidirectional": (lambda: lstm(3, 6, 2, bidirectional=True), 30),
    "projection": (lambda: lstm(3, 9, 2, proj_size=4), 30),
    "three units": (lambda: lstm(3, 3), 40),
    "one step": (lambda: lstm(3, 3), 1),
    "plain": (lambda: torch.nn.RNN(3, 6, 2, batch_first=True), 30),
    "both": (Both, 50),
}
RUNNABLE = ("deep", "bidirectional", "projection", "three units", "one step", "plain")


def made(name, measured=True, batch=2, hole=False) -> Exploration:
    build, steps = MODELS[name]
    torch.manual_seed(1)
    model = build()
    inputs = 4 if name == "deep" else 3
    x = torch.randn(batch, steps, inputs).cumsum(1) * 0.3
    if hole:
        x[0, steps // 2 :, 1] = float("nan")
    names = [HOSTILE, "b", "c", "d"][:inputs]
    page = collect(model, x, title=HOSTILE, inputs=names)
    return made_measures.with_measures(page) if measured else page


def saved(page, tmp_path):
    return write(page, tmp_path / "page.html")


def drawn(page, name):
    """Every canvas of a view that is on show, with its text alternative."""
    return page.page.evaluate(
        f"[...document.querySelectorAll('#{name} .host canvas')]"
        ".filter((c) => c.offsetParent).map((c) => c.getAttribute('aria-label'))"
    )


@pytest.mark.parametrize("name", MODELS)
def test_every_view_draws_or_says_why_not(name, opened, tmp_path):
    page = opened(saved(made(name), tmp_path))
    for view in VIEWS:
        if page.page.evaluate(f"document.getElementById('{view}').hidden"):
            # On a page without gates only what shows the belt is left out without a word.
            assert (name, view) == ("plain", "path")
            continue
        page.view(view)
        absent = page.page.locator(f"#{view} .absent").count()
        if page.page.evaluate(f"GC.views.find((v) => v.id === '{view}').why"):
            assert absent
            assert len(page.text(f"#{view} .absent")) > 30
        else:
            labels = drawn(page, view)
            assert labels
            assert all(labels), (view, labels)
    assert page.problems == []
    assert page.page.evaluate("window.hit") is None


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_follows_layer_series_theme_language_and_width(view, opened, tmp_path):
    page = opened(saved(made("bidirectional"), tmp_path))
    page.view(view)
    for change in ("layer: 1", "series: 1", "theme: 'dark'", "lang: 'zh'", "layer: 3", "t: 0"):
        page.set(f"{{{change}}}")
    page.page.set_viewport_size({"width": 360, "height": 800})
    page.until(f"document.querySelector('#{view}').scrollWidth <= 360")
    assert page.problems == []


@pytest.mark.parametrize("view", ["river", "influence", "path", "fan", "film"])
def test_without_its_measure_a_view_names_what_to_run(view, opened, tmp_path):
    bare = made("three units", measured=False)
    bare = type(bare)(**{**vars(bare), "arrays": {}})
    page = opened(saved(bare, tmp_path))
    page.view(view)
    if view == "river":  # collect takes gradients itself
        assert drawn(page, view)
    else:
        said = page.text(f"#{view} .absent")
        assert "--film N" in said if view == "film" else "--steps FIRST:END" in said


def test_numbers_behind_a_picture_are_in_its_table(opened, tmp_path):
    shown = made("three units")
    page = opened(saved(shown, tmp_path))
    page.view("path")
    page.page.locator("#path summary").click()
    page.settle()
    rows = page.page.locator("#path details tbody tr")
    assert rows.count() == len(shown.arrays["0/0/path_lags"])
    assert rows.nth(0).locator("td").nth(1).inner_text() == "100 %"


def test_nan_leaves_gaps_and_breaks_nothing(opened, tmp_path):
    page = opened(saved(made("deep", hole=True), tmp_path))
    for view in VIEWS:
        page.view(view)
    assert page.problems == []


def test_the_river_tells_the_rate_of_its_own_decay(opened, tmp_path):
    page = made("three units")
    flow = page.series[0].flows[0]
    lags = np.arange(40)[::-1]
    halves = type(flow)(0.5**lags, 0.5**lags, 0.5**lags, mode="LSTM")
    series = [type(one)(**{**vars(one), "flows": [halves]}) for one in page.series]
    page = opened(saved(type(page)(**{**vars(page), "series": series}), tmp_path))
    page.view("river")
    said = page.text("#river .reading")
    assert said.startswith(f"l0 {halves.judge().said()[0]}.")
    assert "lag 14" in said
    assert "weakest at t = 0, with 1.8·10⁻¹² of that." in said.replace("\xa0", " ")


def runs(page):
    return int(page.page.get_attribute("#whatif .host", "data-runs") or 0)


def slide(page, selector, value):
    """Pull a slider and wait until the network has run again."""
    before = runs(page)
    page.page.evaluate(
        f"(() => {{ const s = document.querySelector('{selector}'); s.value = {value};"
        "s.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )
    page.until(f"Number(document.querySelector('#whatif .host').dataset.runs) > {before}")
    page.settle()


@pytest.mark.parametrize("name", RUNNABLE)
def test_the_page_runs_the_network_with_pythons_numbers(name, opened, tmp_path):
    page = opened(saved(made(name), tmp_path))
    page.view("whatif")
    page.until("document.querySelector('#whatif .host').dataset.difference !== undefined")
    assert float(page.page.get_attribute("#whatif .host", "data-difference")) <= 2**-23
    assert "Python" in page.text("#whatif .proof")


def forecaster():
    parts = {
        "recurrent": madeup.recurrent(
            Config(mode="LSTM", input_size=2, hidden_size=5, batch_first=True), "recurrent"
        ),
        "head": madeup.linear(5, 3, "head"),
        "skip": madeup.linear(12, 3, "skip", seed=6),
    }
    tensors = {name: array for _, found in parts.values() for name, array in found.items()}
    nodes = {role: node for role, (node, _) in parts.items()}
    x = np.random.default_rng(2).normal(size=(1, 12, 2)).astype("f4")
    return {"type": "Forecaster", "lookback": 12, "horizon": 3, **nodes}, tensors, x


def text_model():
    config = Config(mode="LSTM", input_size=3, hidden_size=5, batch_first=True)
    node, tensors = madeup.recurrent(config, "1")
    table = np.random.default_rng(3).normal(size=(7, 3)).astype("f4")
    embedding = {"type": "Embedding", "num_embeddings": 7, "embedding_dim": 3, "weights": "0"}
    last, more = madeup.linear(5, 7, "2")
    x = np.random.default_rng(4).integers(0, 7, (1, 20))
    tree = {"type": "Sequential", "children": [embedding, node, last, {"type": "LogSoftmax"}]}
    return tree, {"0.weight": table, **tensors, **more}, x


@pytest.mark.parametrize("build", [forecaster, text_model])
def test_a_saved_folder_runs_in_its_page(build, opened, tmp_path):
    tree, tensors, x = build()
    shown = collect(modelfile.write(tmp_path / "saved", tree, tensors), x)
    page = opened(saved(shown, tmp_path))
    page.view("whatif")
    page.until("document.querySelector('#whatif .host').dataset.difference !== undefined")
    assert 0 <= float(page.page.get_attribute("#whatif .host", "data-difference")) <= 1e-6
    slide(page, "#whatif .slider input[type=range]", 2)
    assert "changes by up to" in page.text("#whatif .reading")
    assert page.problems == []


def test_an_edit_in_the_page_is_the_same_edit_in_python(opened, tmp_path):
    """Forget bias + 2 on l0, and input b cut: the page's output against our own run in Python."""
    shown = made("deep")
    page = opened(saved(shown, tmp_path))
    page.view("whatif")
    page.until("document.querySelector('#whatif .host').dataset.runs > 0")
    slide(page, "#whatif .slider input[type=range]", 2)
    before = runs(page)
    page.page.locator("#whatif .cuts .chip", has_text="b").nth(0).click()
    page.until(f"Number(document.querySelector('#whatif .host').dataset.runs) > {before}")
    torch.manual_seed(1)
    model = MODELS["deep"][0]()
    x = torch.randn(2, 60, 4).cumsum(1) * 0.3
    x[..., 1] = 0
    with torch.no_grad():
        model.bias_ih_l0[16:32] += 2
        expected = model(x)[0][0].numpy()
    page.page.locator("#whatif summary").click()
    cells = page.page.locator("#whatif details td:nth-child(3)").all_inner_texts()
    found = np.array([float(text.replace("−", "-")) for text in cells])
    np.testing.assert_allclose(found, expected[:, 0], atol=6e-5)


def test_holding_a_gate_cutting_a_unit_and_going_back(opened, tmp_path):
    page = opened(saved(made("three units"), tmp_path))
    page.view("whatif")
    page.until("document.querySelector('#whatif .host').dataset.runs > 0")
    start = page.text("#whatif .reading")
    slide(page, "#whatif .clamp:nth-of-type(1) input[type=range]", 0)
    assert page.text("#whatif .reading") != start
    for button in ("Cut unit", "As it was"):
        before = runs(page)
        page.page.get_by_role("button", name=button).click()
        page.until(f"Number(document.querySelector('#whatif .host').dataset.runs) > {before}")
        page.settle()
    assert page.text("#whatif .reading") == start
    assert page.problems == []


def test_match_finds_the_ranges_where_the_same_units_are_on(opened, tmp_path):
    page = made("three units")
    hidden = np.full((40, 3), -0.5, np.float32)
    hidden[5:10, :2] = hidden[20:25, :2] = 0.9
    traces = [
        type(page.series[0].traces[0])(*[None] * 5, hidden=hidden, mode="RNN_TANH", layout="TH")
    ]
    series = [type(page.series[0])(name="made", traces=traces)]
    layers = [type(page.layers[0])(name="l0", mode="RNN_TANH")]
    made_up = Exploration(title="t", layers=layers, series=series, start={"t": 7})
    page = opened(saved(made_up, tmp_path))
    page.view("match")
    assert "2 of the units (0, 1)" in page.text("#match .reading")
    found = page.page.locator("#match .matches button")
    assert found.count() == 1
    assert "20 … 24" in found.inner_text()
    found.click()
    page.settle()
    assert page.page.evaluate("GC.state.t") == 22


def test_the_spectral_radius_comes_with_its_warning(opened, tmp_path):
    """W = [[8, 8], [-8, -8]] is nilpotent: rho is 0, its norm 16."""
    model = torch.nn.RNN(1, 2, batch_first=True)
    with torch.no_grad():
        model.weight_hh_l0.copy_(torch.tensor([[8.0, 8.0], [-8.0, -8.0]]))
    page = opened(saved(collect(model, torch.randn(1, 20, 1)), tmp_path))
    page.view("weights")
    assert page.page.locator("#weights .norms td").all_inner_texts()[0] == "16.00"
    assert page.page.locator("#weights .norms td").all_inner_texts()[3] == "0.000"
    assert "decides nothing" in page.text("#weights .warning")


def test_all_is_reached_by_keyboard(opened, tmp_path):
    page = opened(saved(made("three units"), tmp_path))
    for view in ("influence", "film", "whatif"):
        page.view(view)
        page.page.locator(f"#{view} input[type=range]").first.focus()
        before = page.text(f"#{view} .slider output")
        page.page.keyboard.press("ArrowLeft")
        page.settle()
        assert page.text(f"#{view} .slider output") != before
    page.view("river")
    page.page.locator("#river .plot.live").focus()
    page.page.keyboard.press("Home")
    page.settle()
    assert page.page.evaluate("GC.state.t") == 0


def test_influences_of_the_end_of_a_long_sequence_stand_at_their_steps(
    opened, tmp_path, monkeypatch
):
    monkeypatch.setattr(seen, "FLOPS", 2e7)
    torch.manual_seed(1)
    shown = collect(lstm(3, 24), torch.randn(1, 2000, 3))
    part = shown.measures["influence"]["0/0"]
    assert part["first"] + part["steps"] == 2000
    page = opened(saved(shown, tmp_path))
    page.view("influence")
    assert f"t = {part['first']} to t = 1999" in page.text("#influence .note").replace("\xa0", " ")
    cursor = "document.querySelector('#influence .plot .cursor').hidden"
    page.set("{t: 0}")
    assert page.page.evaluate(cursor)
    page.set("{t: 1999}")
    assert not page.page.evaluate(cursor)
    own = 10 ** shown.arrays["0/0/influence"][-1, -1]
    assert f"what the layer gives at t = 1999 by {own:.2g} times as much" in page.text(
        "#influence .reading"
    ).replace("\xa0", " ")
    box = page.page.locator("#influence .plot").first.bounding_box()
    page.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
    page.settle()
    middle = part["first"] + part["steps"] / 2
    assert abs(page.page.evaluate("GC.state.t") - middle) <= 2
    assert page.problems == []


def test_a_wide_layer_and_a_long_sequence_show_every_view(opened, tmp_path):
    """H = 512, T = 5000: pooled, measured at its end, its weights rounded to 8 bits."""
    torch.manual_seed(1)
    page = opened(saved(collect(lstm(3, 512), torch.randn(1, 5000, 3)), tmp_path))
    for view in VIEWS:
        page.view(view)
        page.set("{t: 4321}")
    for view in ("river", "influence", "path", "fan", "match", "dossier"):
        assert all(drawn(page, view)), view
    assert "8 bits" in page.text("#weights .note")
    assert page.page.locator("#whatif").get_by_role("button", name="Run").is_visible()
    assert page.problems == []


def test_an_open_table_leaves_the_page_alive_where_its_view_is_absent(opened, tmp_path):
    page = opened(saved(made("both"), tmp_path))
    for view in ("saturation", "path", "river"):
        page.view(view)
        page.page.locator(f"#{view} summary").click()
    for layer in (1, 0, 1):
        page.set(f"{{layer: {layer}}}")
        page.view("path")
        assert page.page.locator("#path details").is_visible() == (layer == 0)
    page.set("{lang: 'zh', layer: 0}")
    page.view("saturation")
    assert "饱和图" in page.text("#saturation h2")
    assert page.problems == []


def test_the_text_above_the_influence_triangle_follows_every_output_step(opened, tmp_path):
    tree, tensors, x = text_model()
    folder = modelfile.write(tmp_path / "saved", tree, tensors)
    page = opened(saved(collect(folder, x, text=[list("abcdefghijklmnopqrst")]), tmp_path))
    page.view("influence")
    for row in (19, 7, 0):
        page.page.evaluate(
            f"(() => {{ const s = document.querySelector('#influence input'); s.value = {row};"
            "s.dispatchEvent(new Event('input', {bubbles: true})); })()"
        )
        page.settle()
        # What is read after the output has no colour.
        assert page.page.locator("#influence .chips span").count() == row + 1
        assert page.text("#influence .chips") == "abcdefghijklmnopqrst"
        said = page.text("#influence .reading").replace("\xa0", " ")
        assert f"the layer gives at t = {row} " in said
        assert ("comes before it reads" in said) is (row < page.page.evaluate("GC.state.t"))


def test_a_network_that_no_gradient_reaches_has_no_curve_in_the_duel(opened, tmp_path):
    torch.manual_seed(1)
    both = Both()
    with torch.no_grad():
        both.head.weight[:, 8:] = 0  # the plain RNN's half
    page = opened(saved(collect(both, torch.randn(1, 30, 3)), tmp_path))
    page.view("duel")
    said = page.text("#duel .reading")
    assert "|dL/dh|: 0 No gradient reaches rnn.l0" in said
    assert page.problems == []


def test_what_if_keeps_the_names_of_inputs_and_offers_what_a_network_has(opened, tmp_path):
    torch.manual_seed(1)
    rnn = collect(torch.nn.RNN(3, 4), torch.randn(20, 1, 3).transpose(0, 1))
    plain = opened(write(rnn, tmp_path / "plain.html"))
    plain.view("whatif")
    assert not plain.page.locator("#whatif .clamp").first.locator("input").first.is_visible()
    assert plain.page.get_by_role("button", name="Cut unit").is_visible()
    page = opened(
        saved(collect(lstm(3, 4), torch.randn(1, 20, 3), inputs=["cell", "forget", "i"]), tmp_path)
    )
    page.set("{lang: 'zh'}")
    page.view("whatif")
    names = page.page.locator("#whatif .menu option").all_inner_texts()[:3]
    assert names == ["cell", "forget", "i"]
    hold = page.page.locator("#whatif .clamp input[type=checkbox]").first
    assert "遗忘门" in hold.get_attribute("aria-label")


def test_tools_and_notes_of_a_view_go_where_it_is_absent_and_come_back_once(opened, tmp_path):
    page = opened(saved(made("both"), tmp_path))
    for layer in (0, 1, 0, 1, 0):
        page.set(f"{{layer: {layer}}}")
        page.view("provenance")
        assert page.page.locator("#provenance .tools button").count() == (layer == 0)
        assert page.page.locator("#provenance .note").is_visible() == (layer == 0)
    assert page.problems == []


def test_a_view_that_fails_says_so_and_leaves_the_others_alive(opened, tmp_path):
    page = opened(saved(made("three units"), tmp_path))
    page.page.evaluate(
        "(() => { const v = GC.views.find((one) => one.id === 'river');"
        "v.build = () => { v.tried = (v.tried ?? 0) + 1; throw new Error('broken'); }; })()"
    )
    page.page.evaluate("document.getElementById('river').scrollIntoView()")
    page.until("document.querySelector('#river .absent')")
    for t in (3, 4, 5):
        page.set(f"{{t: {t}}}")
    assert page.page.evaluate("GC.views.find((one) => one.id === 'river').tried") == 1
    assert page.problems == ["broken"]
    page.view("path")
    assert drawn(page, "path")


def test_links_of_a_page_in_a_notebooks_frame_stay_in_it(opened, tmp_path):
    model = lstm(3, 4)
    with glasscell.trace(model) as trace, torch.no_grad():
        model(torch.randn(1, 30, 3))
    path = tmp_path / "notebook.html"
    path.write_text(
        "<html data-ready='yes'><body><h1>cells</h1>" + trace._repr_html_(), encoding="utf-8"
    )
    page = opened(path)
    frame = page.page.frames[1]
    frame.locator("#contents a", has_text="Half-life ladder").click()
    top = "document.getElementById('ladder').getBoundingClientRect().top"
    end = time.monotonic() + chromium.PATIENCE
    while frame.evaluate(top) > 300:
        assert time.monotonic() < end
        page.settle()
    assert page.page.frames[1].url == "about:srcdoc"
    assert page.problems == []


@pytest.mark.parametrize("width", [360, 800])
def test_a_selection_of_units_fits_any_width(width, opened, tmp_path):
    page = opened(saved(made("three units", batch=1), tmp_path), width=width)
    page.set("{picked: [0, 1]}")
    assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for button in page.page.locator(".picked button").all():
        box = button.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


def test_long_names_without_spaces_fit_a_phone(opened, tmp_path):
    torch.manual_seed(1)
    name = "series_" + "x" * 60
    x = torch.sin(torch.arange(60.0))[None, :, None].repeat(2, 1, 3)
    shown = collect(lstm(3, 5), x, names=[name, f"{name}2"], inputs=[name] * 3, title=name)
    page = opened(saved(shown, tmp_path), width=360)
    for view in ("verdict", "wall", "match", "dossier", "whatif"):
        page.view(view)
    assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_paper_shows_every_view_in_its_own_width_and_the_screen_comes_back(opened, tmp_path):
    page = opened(saved(made("deep"), tmp_path), theme="dark")
    page.page.evaluate(
        "window.seen = null;"
        "addEventListener('beforeprint', () => { window.seen = {"
        "theme: document.documentElement.dataset.theme,"
        "runs: document.querySelector('#whatif .host').dataset.runs,"
        "absent: GC.views.filter((v) => !v.host.childElementCount).map((v) => v.id),"
        "odd: [...document.querySelectorAll('.view canvas')].filter((c) => c.offsetParent &&"
        " Math.abs(c.width / c.clientWidth - c.height / c.clientHeight) > 0.05).length,"
        "wide: Math.max(...[...document.querySelectorAll('.view canvas')]"
        ".map((c) => c.clientWidth)) }; })"
    )
    paper = page.page.pdf(path=tmp_path / "page.pdf", format="A4")
    assert len(paper) > 100_000
    seen = page.page.evaluate("window.seen")
    assert seen["theme"] == "light"
    assert seen["absent"] == []
    assert int(seen["runs"]) >= 1
    assert (seen["odd"], seen["wide"] <= 703) == (0, True)
    page.settle()
    assert page.page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert not page.page.evaluate("document.documentElement.classList.contains('printing')")
    assert page.page.evaluate("GC.views.some((v) => !v.near)")
    assert page.inks(".scrub canvas") > 0
    assert page.problems == []
