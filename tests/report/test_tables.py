"""Tables show the numbers given, with the digits that tell rows apart."""

from __future__ import annotations

import re

import numpy as np

from glasscell.report import ForecastPlot, Table
from glasscell.report.tables import build_forecast, build_table


def cells(html):
    return [re.sub("<[^>]*>", "", c) for c in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", html)]


def test_a_column_has_one_count_of_decimals():
    html = build_table(
        Table(
            caption="c",
            columns=["method", "MAE", "parameters"],
            rows=[["ridge", 16.28123, 876.0], ["LSTM", 14.78456, 4876.0], ["naive", 19.0, 0]],
        )
    )
    shown = cells(html)[3:]
    assert shown[1::3] == ["16.28", "14.78", "19.00"]
    assert shown[2::3] == ["876", "4\u202f876", "0"]


def test_the_highlighted_row_is_marked():
    html = build_table(Table(caption="c", columns=["a"], rows=[["x"], ["y"]], highlight=[1]))
    assert re.search(r"<tr class=mark><th[^>]*>y", html)
    assert html.count("class=mark") == 1


def test_missing_numbers_and_words_among_numbers_are_shown():
    html = build_table(
        Table(caption="c", columns=["a", "b"], rows=[["x", np.nan], ["y", "failed"], ["z", np.inf]])
    )
    assert cells(html)[2:] == ["x", "–", "y", "failed", "z", "∞"]


def test_numpy_numbers_count_as_numbers():
    html = build_table(Table(caption="c", columns=["a"], rows=[[np.float32(0.5)], [np.int64(3)]]))
    assert cells(html)[1:] == ["0.5", "3.0"]


def test_a_table_without_rows_is_a_table():
    assert "<thead>" in build_table(Table(caption="c", columns=["a"], rows=[]))


def test_the_error_beside_a_forecast_is_its_mean_absolute_error():
    truth = np.array([1.0, 2.0, np.nan, 4.0])
    plot = ForecastPlot(times=range(4), truth=truth, forecasts={"LSTM": truth + 0.25}, unit="K")
    html, data = build_forecast(plot, "en")
    assert "mean abs. error here 0.25 K" in html
    assert data["series"][0] == ["1.00", "2.00", None, "4.00"]


def test_a_gap_breaks_the_line():
    truth = np.array([1.0, 2.0, np.nan, 4.0])
    html, _ = build_forecast(ForecastPlot(times=range(4), truth=truth, forecasts={}), "en")
    path = re.search(r'class="line truth" d="([^"]*)"', html)[1]
    assert path.count("M") == 2
    assert path.endswith("h0")
