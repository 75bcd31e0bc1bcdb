"""Roles of columns."""

from __future__ import annotations

import pytest

from glasscell.data import columns
from glasscell.data.rawtable import filled_cells
from glasscell.data.read_options import ReadOptions
from glasscell.errors import DataError


def resolve(names, rows, **options):
    return columns.resolve(filled_cells(names, rows), ReadOptions(**options))


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


@pytest.mark.parametrize("name", ["observation_date", "TIME_PERIOD", "Datum", "日期"])
def test_names_that_sources_give_to_times_are_known(name):
    assert resolve([name, "v"], [["2020-01-01", "3"]]).time == name


def test_a_known_name_without_times_gives_way_to_a_column_with_dates():
    rows = [["north", "2020-01-01", "3"], ["south", "2020-01-02", "4"]]
    assert resolve(["period", "when", "y"], rows).time == "when"
    assert resolve(["time", "when", "y"], rows).time == "when"


@pytest.mark.parametrize("name", ["index", "column 1", "Unnamed: 0", "rownames"])
def test_a_counter_of_rows_is_the_time_where_there_is_no_other(name):
    rows = [[str(i), str(i % 3)] for i in range(9)]
    assert resolve([name, "sales"], rows).time == name


def test_text_is_no_series():
    rows = [["2020-01-01", "Monday", "3"], ["2020-01-02", "Tuesday", "4"]]
    roles = resolve(["date", "weekday", "sales"], rows)
    assert (roles.targets, roles.ignored) == (("sales",), ("weekday",))
    assert resolve(["date", "weekday"], [row[:2] for row in rows]).targets == ("weekday",)


def test_one_slip_does_not_make_a_column_text():
    rows = [[f"2020-01-0{i + 1}", cell] for i, cell in enumerate(["1", "x", "3"])]
    assert resolve(["date", "sales"], rows).targets == ("sales",)


def test_the_value_of_statistical_offices_is_the_target():
    rows = [["1990-Q1", "3", "1"], ["1990-Q2", "4", "1"]]
    assert resolve(["TIME_PERIOD", "OBS_VALUE", "DECIMALS"], rows).targets == ("OBS_VALUE",)


def test_what_a_run_forecast_is_forecast_again():
    rows = [["2020-01-01", "3", "1", "2"]]
    assert resolve(["ds", "a", "b", "c"], rows, targets=["c", "a"]).targets == ("c", "a")
