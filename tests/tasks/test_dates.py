"""Time columns in the forms that people write."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from glasscell.errors import DataError
from glasscell.tasks.dates import parse_times

DAYS = pd.date_range("2024-01-05", periods=30, freq="D")


def parse(cells):
    return parse_times(np.array(list(cells), object), "ds", lambda i: f"line {i + 2}")


@pytest.mark.parametrize(
    "form", ["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%y", "%Y%m%d", "%d %b %Y"]
)
def test_dates_are_read_in_any_form_that_fits_all_rows(form):
    assert (parse(DAYS.strftime(form)) == DAYS).all()


@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%d/%m/%Y %H:%M"])
def test_clocks_are_read(form):
    hours = pd.date_range("2024-01-25", periods=30, freq="h")
    assert (parse(hours.strftime(form)) == hours).all()


def test_even_steps_decide_between_day_and_month():
    days = pd.date_range("2024-01-01", periods=8, freq="D")
    assert (parse(days.strftime("%d/%m/%Y")) == days).all()


def test_two_equally_even_readings_are_refused():
    with pytest.raises(DataError, match="day and month cannot be told apart"):
        parse(["01/02/2024", "02/03/2024"])


def test_whole_numbers_stay_numbers():
    assert parse(["1700.0", "1701.0"]).tolist() == [1700, 1701]
