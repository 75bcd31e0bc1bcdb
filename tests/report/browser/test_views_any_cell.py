"""Pages of a GRU, of options of the LSTM and of a reader's own cells, in a real Chromium."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from glasscell.nn import GRU, LSTM, Recurrent
from glasscell.report.draw.recurrence import look
from glasscell.report.page.collect import collect
from glasscell.report.page.render import write
from own_cells import OWN
from report.browser import chromium
from report.page.made_cells import Leaky

pytestmark = chromium.NEEDED

MODELS = {
    "GRU": lambda: GRU(2, 7, 2, batch_first=True, bidirectional=True),
    "torch's GRU": lambda: torch.nn.GRU(2, 6, batch_first=True),
    "peephole": lambda: LSTM(2, 5, batch_first=True, peephole=True),
    "layer norm": lambda: LSTM(2, 5, batch_first=True, layer_norm=True),
    "of its own": lambda: Recurrent(Leaky(), 2, 5, batch_first=True),
    "exponential gates": lambda: Recurrent(OWN[1], 2, 5, batch_first=True),
    "diagonal": lambda: Recurrent(OWN[2], 2, 5, batch_first=True),
    "parallel": lambda: Recurrent(OWN[3], 2, 5, batch_first=True),
}
RUN = (
    "new Promise((done) => GC.rerun.start({{ edits: {edits} }}, (run) => "
    "done(Array.from(run.runs.l0.{part}))))"
)


@pytest.fixture(scope="module")
def opened():
    with chromium.browser() as open_page:
        yield open_page


def made(tmp_path, name, steps=40, **options):
    torch.manual_seed(3)
    model = MODELS[name]()
    x = np.random.default_rng(0).normal(size=(2, steps, 2)).astype(np.float32)

    def loss(out):
        return (out[0] if isinstance(out, tuple) else out)[:, -1].sum()

    shown = collect(model, x, loss, **options)
    return shown, write(shown, tmp_path / "page.html")


@pytest.mark.parametrize("name", MODELS)
def test_every_view_draws_and_the_browser_runs_the_cell_with_pythons_bits(opened, tmp_path, name):
    _, path = made(tmp_path, name)
    page = opened(path, width=1100)
    views = page.page.evaluate("GC.views.filter((v) => !v.section.hidden).map((v) => v.id)")
    assert {"wall", "cell", "river", "weights", "whatif", "dossier", "match"} <= set(views)
    for view in views:
        page.view(view)
        page.set("{t: 17, unit: 2}")
        page.set("{t: 5, unit: 1}")
        assert page.page.locator(f"#{view} [data-say='view.failed']").count() == 0, view
    page.set("{lang: 'zh', theme: 'dark', series: 1}")
    for view in views:
        page.view(view)
    assert page.problems == []
    page.view("whatif")
    page.until("document.querySelector('#whatif .host').dataset.difference !== undefined")
    assert page.page.evaluate("document.querySelector('#whatif .host').dataset.difference") == "0"


@pytest.mark.parametrize("name", ["GRU", "of its own", "exponential gates", "diagonal"])
def test_the_equations_hold_with_the_numbers_of_the_trace(opened, tmp_path, name):
    shown, path = made(tmp_path, name, ways=False)
    trace = shown.series[0].traces[0]
    page = opened(path)
    page.view("cell")
    page.set("{layer: 0, t: 17, unit: 3}")
    how = look(trace.recurrence)
    lines = page.page.locator("#cell .eq")
    assert lines.count() == len(how.equations)
    for name_, line in zip(how.equations, lines.all(), strict=True):
        if name_ in how.names:
            said = line.locator(".num > b").last.inner_text().replace("−", "-")
            assert float(said) == pytest.approx(trace.quantity(name_)[17, 3], abs=6e-4)
    # What a quantity is by its equation, of the sums of the weights, is what the trace has.
    for name_ in how.names:
        open_ = page.page.evaluate(
            f"GC.plan([{{ open: GC.cell.values['{name_}'] }}]).at(17, [3])[0][0]"
        )
        assert open_ == pytest.approx(trace.quantity(name_)[17, 3], abs=2e-6)
    wires = page.page.locator("#cell .drawing.wide [data-wire]").evaluate_all(
        "(nodes) => nodes.map((node) => Number(node.style.strokeWidth.replace('px', '')))"
    )
    assert wires
    assert min(wires) >= 1.4


@pytest.mark.parametrize("name", ["GRU", "peephole", "of its own", "exponential gates", "parallel"])
def test_what_is_left_of_all_writes_adds_up_to_what_is_stored(opened, tmp_path, name):
    shown, path = made(tmp_path, name, ways=False)
    page = opened(path)
    page.set("{layer: 0, unit: 2}")
    total = page.page.evaluate(
        "(() => { const initial = GC.begin(GC.stored());"
        "const s = GC.split(...GC.writes(), 30, initial, GC.layer.reverse);"
        "return s.left.reduce((a, v) => a + (Number.isNaN(v) ? 0 : v), s.initial); })()"
    )
    trace = shown.series[0].traces[0]
    assert total == pytest.approx(trace.stored[30, 2], abs=3e-6)


def test_an_update_gate_that_is_held_open_keeps_the_state_for_ever(opened, tmp_path):
    _, path = made(tmp_path, "torch's GRU", ways=False)
    page = opened(path)
    hidden = page.page.evaluate(RUN.format(edits="{ l0: { clamp: { update: 1 } } }", part="hidden"))
    assert set(hidden) == {0}
    reset = page.page.evaluate(RUN.format(edits="{ l0: { clamp: { reset: 0 } } }", part="reset"))
    assert set(reset) == {0}


def test_a_bias_of_the_update_gate_is_moved_in_the_browser_as_in_python(opened, tmp_path):
    torch.manual_seed(3)
    model = torch.nn.GRU(2, 6, batch_first=True)
    _, path = made(tmp_path, "torch's GRU", ways=False)
    page = opened(path)
    found = page.page.evaluate(RUN.format(edits="{ l0: { bias: { update: 2 } } }", part="hidden"))
    x = np.random.default_rng(0).normal(size=(2, 40, 2)).astype(np.float32)
    with torch.no_grad():
        model.bias_ih_l0[6:12] += 2
        expected = model(torch.tensor(x))[0][0]
    np.testing.assert_allclose(np.reshape(found, (40, 6)), expected, atol=2e-6)


@pytest.mark.parametrize("name", ["torch's GRU", "of its own", "parallel"])
def test_a_gradient_from_any_step_is_what_python_measures(opened, tmp_path, name):
    shown, path = made(tmp_path, name)
    page = opened(path)
    own = page.page.evaluate(
        "(() => { const found = GC.adjoint(39); return Object.fromEntries(Object.entries(found)"
        ".map(([name, list]) => [name, Array.from(list)])); })()"
    )
    flow = shown.series[0].flows[0]
    torch.manual_seed(3)
    model = MODELS[name]()
    x = np.random.default_rng(0).normal(size=(2, 40, 2)).astype(np.float32)
    alone = collect(model, x[:1], lambda out: out[0][:, -1].sum(), ways=False).series[0].flows[0]
    assert set(own) == {
        f"grad_{part}"
        for part, norms in (
            ("hidden", flow.hidden), ("cell", flow.cell), ("path", flow.cell_path)
        ) if norms is not None
    }  # fmt: skip
    np.testing.assert_allclose(own["grad_hidden"], alone.hidden, rtol=2e-3, atol=1e-7)
    if alone.cell is not None:
        np.testing.assert_allclose(own["grad_cell"], alone.cell, rtol=2e-3, atol=1e-7)
    np.testing.assert_allclose(own["grad_path"], alone.cell_path, rtol=2e-3, atol=1e-7)
