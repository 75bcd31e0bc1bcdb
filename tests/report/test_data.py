"""The dataclasses refuse what cannot be drawn, and say what was expected."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from glasscell import report
from glasscell.errors import ShapeError
from glasscell.traces.layer import LayerTrace


def test_a_row_of_another_length_than_the_columns_is_refused():
    with pytest.raises(ShapeError, match=r"row 1: expected 2 cells.*got 1"):
        report.Table(caption="t", columns=["a", "b"], rows=[["x", 1.0], ["y"]])


def test_a_forecast_of_another_length_than_the_truth_is_refused():
    with pytest.raises(ShapeError, match=r"'ridge': expected shape \(n,\) = \(3,\), got \(2,\)"):
        report.ForecastPlot(times=range(3), truth=np.zeros(3), forecasts={"ridge": np.zeros(2)})


def test_a_whole_batch_is_refused_with_the_way_out():
    batch = np.zeros((5, 2, 3))
    with pytest.raises(ShapeError, match=r"one sequence.*\(5, 2, 3\).*cell\[:, 0\]"):
        report.GateWindow(trace=LayerTrace(*[batch] * 6), name="l0")


def test_a_plain_rnn_has_no_gate_window():
    trace = LayerTrace(None, None, None, None, None, np.zeros((5, 3)))
    with pytest.raises(ShapeError, match="plain RNN has only a hidden state"):
        report.GateWindow(trace=trace, name="l0")


def test_an_event_outside_the_window_is_refused(make_lstm):
    _, _, trace = make_lstm(5, 2)
    with pytest.raises(ShapeError, match=r"'meal': expected a step in 0 … 4 \(T = 5\), got 5"):
        report.GateWindow(trace=trace, name="l0", events=[(5, "meal")])


def test_gates_of_different_shapes_are_refused(make_lstm):
    _, _, trace = make_lstm(5, 2)
    with pytest.raises(ShapeError, match=r"trace\.input: expected \(T, H\) = \(5, 2\)"):
        report.GateWindow(trace=replace(trace, input=np.zeros((5, 3))), name="l0")


def test_river_series_of_different_lengths_are_refused():
    with pytest.raises(ShapeError, match=r"'LSTM', cell: expected shape \(T,\) = \(4,\)"):
        report.RiverLine(name="LSTM", hidden=np.ones(4), cell=np.ones(3))


def test_with_a_projection_the_hidden_state_shown_is_the_units_own(make_lstm):
    _, _, trace = make_lstm(6, 4)
    window = report.GateWindow(trace=replace(trace, hidden=trace.hidden[:, :2]), name="l0")
    np.testing.assert_allclose(window.quantity("hidden"), trace.hidden, rtol=1e-12)
