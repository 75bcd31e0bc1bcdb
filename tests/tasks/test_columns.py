"""Roles of columns."""

from __future__ import annotations

import pytest

from glasscell.errors import DataError
from glasscell.tasks.columns import resolve


def test_dates_are_found_without_a_known_name():
    roles = resolve(["sold", "when"], [["3", "2020-01-01"]])
    assert (roles.time, roles.targets) == ("when", ("sold",))


def test_years_are_a_time_column_by_name():
    assert resolve(["YEAR", "SUNACTIVITY"], [["1700.0", "5"]]).time == "YEAR"


def test_several_free_columns_of_a_long_table_need_a_name():
    with pytest.raises(DataError, match="--target"):
        resolve(["unique_id", "ds", "p", "q"], [["a", "2020-01-01", "1", "2"]])


def test_one_column_cannot_have_two_roles():
    with pytest.raises(DataError, match="expected different columns"):
        resolve(["ds", "y"], [], time="ds", target="ds")


def test_a_table_of_times_alone_has_nothing_to_forecast():
    with pytest.raises(DataError, match="expected a column to forecast"):
        resolve(["ds"], [])
