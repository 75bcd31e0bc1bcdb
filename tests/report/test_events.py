"""Which gates move: known answers for known movements."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell import report
from glasscell.report import events
from glasscell.traces.layer import LayerTrace


def test_a_quantity_that_only_moves_at_the_events_is_found():
    T, H = 60, 3
    still = np.full((T, H), 0.5)
    moving = still.copy()
    moving[:, 1] += 0.01 * np.sin(np.arange(T))
    moving[30:34, 1] += [0.2, 0.4, 0.2, 0.1]
    trace = LayerTrace(still, moving, still, still, still, still)
    window = report.GateWindow(trace=trace, name="l0", events=[(30, "meal")])
    found = events.respond(window.quantity("input"), [30])
    assert found.unit == 1
    assert found.ratio > 5
    html = events.build(window, "en")
    assert "At the events the input gate moves most" in html
    assert "Events in this window: 1." in html


def test_nothing_is_claimed_where_nothing_moves():
    still = np.full((40, 2), 0.5)
    window = report.GateWindow(trace=LayerTrace(*[still] * 6), name="l0", events=[(10, "meal")])
    assert "No quantity moves clearly more" in events.build(window, "en")


def test_levels_are_means_near_and_elsewhere():
    values = np.zeros((24, 2))
    values[12:15] = 1.0
    found = events.respond(values, [12])
    assert found.level_near == 1.0
    assert found.level_elsewhere == 0.0
    assert found.curve.tolist() == [0.0, 1.0, 1.0, 1.0]


def test_the_band_holds_the_curves_of_shifted_events():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(200, 1))
    found = events.respond(values, [50, 120])
    inside = (found.lower <= found.curve) & (found.curve <= found.upper)
    assert inside.mean() > 0.5
    assert (found.lower < found.upper).all()


@pytest.mark.parametrize("event", [0, 39])
def test_events_at_the_edges_are_fine(event):
    values = np.random.default_rng(1).random((40, 2))
    found = events.respond(values, [event])
    assert np.isfinite(found.ratio)


def test_without_events_there_is_no_such_view(make_page, make_lstm):
    _, _, trace = make_lstm(30, 2)
    window = report.GateWindow(trace=trace, name="l0")
    assert events.build(window, "en") == ""
    assert "Which gates move" not in report.render(make_page(gates=[window]))
