"""The table on terminals of any width."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from glasscell.tasks.forecast.results_table import of_methods, with_spread
from glasscell.tasks.forecast.scores import Method
from glasscell.tasks.forecast.standings import Standing

METHODS = [
    Method(name="seasonal naive", mae=123456.7, rmse=2.5e-9, mase=math.nan, errors=np.ones(1)),
    Method(
        name="plain RNN", mae=12.34, rmse=23.45, mase=1.234, mae_sd=0.012, seeds=3, linear=2,
        parameters=12345, seconds=1234.5, errors=np.ones(1),
    ),
    Method(
        name="LSTM", mae=11.11, rmse=22.22, mase=3.333, mae_sd=0.0, seeds=3, linear=3,
        parameters=54321, seconds=2.5, errors=np.ones(1),
    ),
]  # fmt: skip


def standing(methods, where="the last 20 % of each series"):
    return Standing((where, where), 1, tuple(methods))


def drawn(width, unit=""):
    stream = io.StringIO()
    Console(file=stream, width=width).print(of_methods(standing(METHODS), unit))
    return stream.getvalue()


@pytest.mark.parametrize("width", [20, 30, 40, 60, 79, 80, 200])
@pytest.mark.parametrize("unit", ["", "litres per square metre and day"])
def test_numbers_and_names_are_whole_at_any_width(width, unit):
    text = drawn(width, unit)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    for figure in ("123,457", "12.34 ± 0.012", "11.11"):
        assert figure in text
    for name in ("seasonal naive", "plain RNN", "LSTM"):
        assert name in text


def test_columns_leave_a_narrow_terminal_one_after_the_other_and_it_says_so():
    assert "seconds" in drawn(100)
    assert "wider" not in drawn(100)
    assert "seconds" not in drawn(76)
    assert "parameters" in drawn(76)
    assert "RMSE" not in drawn(50)
    assert "MASE" in drawn(50)
    assert "wider" in drawn(50)
    assert "┃" not in drawn(30)


def test_a_network_that_is_its_linear_start_is_marked_and_has_no_spread():
    text = drawn(100)
    assert "plain RNN (2/3 linear)" in text
    assert "LSTM (linear)" in text
    assert "11.11 ±" not in text


def test_an_error_that_is_no_number_has_no_spread():
    broken = replace(METHODS[-1], mae=math.nan, mae_sd=0.1, linear=0)
    assert with_spread(broken) == "–"
