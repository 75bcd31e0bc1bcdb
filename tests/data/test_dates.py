"""Time columns in the forms that people, offices and programs write."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from glasscell.data.dates import parse_times
from glasscell.data.read_options import ReadOptions
from glasscell.errors import DataError

DAYS = pd.date_range("2004-01-05", periods=30, freq="D")


def read(cells, name="ds", **options):
    cells = np.array(list(cells), object)
    return parse_times(cells, name, lambda i: f"line {i + 2}", ReadOptions(**options))


def parse(cells, name="ds", **options):
    return read(cells, name, **options).index


@pytest.mark.parametrize(
    "form",
    [
        *["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%y", "%Y%m%d", "%d %b %Y", "%Y/%m/%d"],
        *["%d-%m-%Y", "%b %d, %Y", "%A, %B %d, %Y", "%d%b%Y", "%y-%m-%d", "%Y年%m月%d日", "%Y-%j"],
        *["%a %b %d %H:%M:%S %Y", "%d-%b-%y", "%Y.%m.%d", "%d %m %Y", "%Y%j"],
    ],
)
def test_dates_are_read_in_any_form_that_fits_all_rows(form):
    assert (parse(DAYS.strftime(form)) == DAYS).all()


@pytest.mark.parametrize(
    "form",
    [
        *["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M:%S %p"],
        *["%Y%m%d%H", "%Y%m%d%H%M", "%Y%m%dT%H%M", "%d%b%Y:%H:%M:%S", "%Y年%m月%d日 %H时%M分"],
        *["%Y-%m-%d %H.%M.%S", "%d.%m.%Y, %H:%M"],
    ],
)
def test_clocks_are_read(form):
    hours = pd.date_range("2004-01-25", periods=30, freq="h")
    assert (parse(hours.strftime(form)) == hours).all()


def test_clocks_of_twelve_hours_and_midnight_as_24():
    cells = ["13.1.2020 12:30 a.m.", "13.1.2020 12:30 p.m.", "13.1.2020 1:05 PM", "13.1.2020 24:00"]
    expected = ["2020-01-13 00:30", "2020-01-13 12:30", "2020-01-13 13:05", "2020-01-14"]
    assert (parse(cells) == pd.DatetimeIndex(expected)).all()


QUARTERS = pd.date_range("1989-10-01", periods=9, freq="QS")
MONTHS = pd.date_range("1989-10-01", periods=30, freq="MS")


@pytest.mark.parametrize(
    "form",
    [
        *[
            "{y}Q{q}",
            "{y} Q{q}",
            "{y}-Q{q}",
            "Q{q} {y}",
            "Q{q}-{y}",
            "{q}Q{s}",
            "Q{q} '{s}",
            "{y}q{q}",
        ],
        *["{y}K{q}", "{y}年第{q}季度", "{y}:{q}", "{y}-{q}", "{y} Qtr {q}", "{y}:0{q}"],
    ],
)
def test_codes_of_quarters(form):
    cells = [form.format(y=t.year, q=t.quarter, s=f"{t:%y}") for t in QUARTERS]
    if form == "{y}:0{q}":
        # 01 … 04 alone may be months that are missing eight times a year; they are quarters.
        cells = cells[1:]
    assert (parse(cells) == QUARTERS[-len(cells) :]).all()


@pytest.mark.parametrize(
    "form",
    [
        *["{y}M{m:02}", "{y}M{m}", "{y}-M{m:02}", "{y}-{m:02}", "{y}/{m}", "{m:02}/{y}", "{m}.{y}"],
        *[
            "{b} {y}",
            "{y} {b}",
            "{b}-{s}",
            "{b}{s}",
            "{B} {y}",
            "{y}年{m}月",
            "{y}{m:02}",
            "{y}m{m}",
        ],
        *["{y}:{m:02}", "{y}.{m:02}", "{y}{b}", "{s}-{b}", "{y}MM{m:02}"],
    ],
)
def test_codes_of_months(form):
    cells = [
        form.format(y=t.year, m=t.month, s=f"{t:%y}", b=f"{t:%b}", B=f"{t:%B}") for t in MONTHS
    ]
    assert (parse(cells) == MONTHS).all()


@pytest.mark.parametrize(
    "names",
    [
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
        "ene feb mar abr may jun jul ago sep oct nov dic",
        "gen feb mar apr mag giu lug ago set ott nov dic",
        "jan fev mar abr mai jun jul ago set out nov dez",
        "januari februari maart april mei juni juli augustus september oktober november december",
    ],
)
@pytest.mark.parametrize("form", ["{n} {y}", "{y} {n}", "{n}-{s}", "1. {n} {y}", "1 {n} {y} 00:00"])
def test_names_of_months_in_other_languages(names, form):
    named = names.split()
    cells = [form.format(n=named[t.month - 1], y=t.year, s=f"{t:%y}") for t in MONTHS]
    assert (parse(cells) == MONTHS).all()


@pytest.mark.parametrize("last", [4, 52])
def test_kw_is_a_quarter_in_dutch_and_a_week_in_german(last):
    cells = [f"{year}KW{k:02}" for year in (2017, 2018) for k in range(1, last + 1)]
    assert parse(cells)[1] == pd.Timestamp("2017-04-01" if last == 4 else "2017-01-09")


def test_the_same_months_of_two_series_written_with_a_point():
    cells = [f"{t.year}.{t.month:02}" for t in QUARTERS] * 2
    assert (parse(cells)[: len(QUARTERS)] == QUARTERS).all()


def test_october_that_lost_its_zero():
    cells = [f"{t.year}.{t.month:02}".removesuffix("0") for t in MONTHS]
    assert cells[0] == "1989.1"
    assert (parse(cells) == MONTHS).all()


@pytest.mark.parametrize("form", ["{}-W{:02}", "{}W{:02}", "{} week {}", "{}年第{}周"])
def test_weeks_begin_on_monday(form):
    weeks = pd.date_range("2019-12-30", periods=9, freq="W-MON")
    assert (parse(form.format(*t.isocalendar()[:2]) for t in weeks) == weeks).all()


@pytest.mark.parametrize(("first", "second"), [("2020-S1", "2020-S2"), ("H1 2020", "H2 2020")])
def test_half_years(first, second):
    assert parse([first, second]).month.tolist() == [1, 7]


def test_the_start_of_a_range_counts():
    assert parse(["2020-01-06/2020-01-12", "2020-01-13/2020-01-19"]).day.tolist() == [6, 13]
    hours = ["14.01.2020 00:00 - 14.01.2020 01:00", "14.01.2020 01:00 - 14.01.2020 02:00"]
    assert parse(hours).hour.tolist() == [0, 1]


def test_financial_years_are_the_years_in_which_they_begin():
    assert parse(["2009-10", "2010-11", "2011-12"]).tolist() == [2009, 2010, 2011]
    assert parse(["2009-10", "2009-11", "2009-12"]).month.tolist() == [10, 11, 12]


@pytest.mark.parametrize("digits", [2, 3, 4, 10])
@pytest.mark.parametrize("middle", [0.0, 0.5])
def test_years_with_fractions_are_months(digits, middle):
    cells = [f"{t.year + (t.month - 1 + middle) / 12:.{digits}f}" for t in MONTHS]
    assert (parse(cells, "time") == MONTHS).all()


def test_years_with_fractions_are_quarters_or_years():
    found = read([f"{t.year + (t.quarter - 1) / 4:g}" for t in QUARTERS], "time")
    assert (found.index == QUARTERS).all()
    assert "fractions: four a year" in found.notes[0]
    assert parse(["1700.5", "1701.5", "1702.5"]).tolist() == [1700, 1701, 1702]


@pytest.mark.parametrize("scale", [1, 10**3, 10**6, 10**9])
def test_numbers_since_1970_are_in_utc(scale):
    hours = pd.date_range("2001-09-09", periods=5, freq="h")
    found = read([str(int(t.timestamp()) * scale) for t in hours], "t")
    assert found.utc
    assert (found.index == hours).all()
    assert "since 1970 (UTC)" in found.notes[0]


def test_days_of_a_spreadsheet_are_days_under_a_name_that_says_dates():
    assert parse(["43831", "43831.25"], "Date")[1] == pd.Timestamp("2020-01-01 06:00")
    assert parse(["43831", "43832"], "step").tolist() == [43831, 43832]
    assert parse(["43831"], "x", date_format="excel")[0] == pd.Timestamp("2020-01-01")


@pytest.mark.parametrize(("name", "weeks"), [("ym", 60), ("yearweek", 60), ("week", 9)])
def test_year_and_week_without_a_mark(name, weeks):
    mondays = pd.date_range("2020-01-06", periods=weeks, freq="7D")
    assert (read([f"{t:%G%V}" for t in mondays], name).index == mondays).all()


def test_thirteenth_months_are_no_weeks():
    cells = [f"{y}{m:02}" for y in (2018, 2019) for m in range(1, 14)]
    assert read(cells, "ym").index[0] == 201801


def test_whole_numbers_stay_numbers():
    assert parse(["1700.0", "1701.0"]).tolist() == [1700, 1701]
    assert parse(["200013", "200014"]).tolist() == [200013, 200014]


def test_two_digits_of_a_year_are_not_in_the_future():
    assert parse(["Jan-49", "Feb-49"]).year.tolist() == [1949, 1949]
    assert parse(["Jan-05", "Feb-05"]).year.tolist() == [2005, 2005]


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%y", "%m-%d-%y", "%y/%m/%d"])
@pytest.mark.parametrize(("freq", "rows"), [("MS", 14), ("QS", 8), ("QE", 8), ("D", 40), ("h", 60)])
def test_the_column_as_a_whole_decides_between_day_and_month(form, freq, rows):
    times = pd.date_range("1990-01-01", periods=rows, freq=freq)
    if form == "%y/%m/%d" and freq == "QS":
        # With the year first 90/01/01 … is as regular as days of 2001: two readings, no decision.
        times = pd.date_range("1990-01-01", periods=40, freq=freq)
    assert (parse(times.strftime(form + " %H:%M")) == times).all()


def test_the_reading_is_said():
    found = read(pd.date_range("1990-01-01", periods=20, freq="MS").strftime("%m/%d/%Y"))
    assert found.day_first is False
    assert "read month first (1990-01-01)" in found.notes[0]


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%y"])
@pytest.mark.parametrize("freq", ["D", "MS"])
def test_two_readings_that_are_as_regular_are_refused_until_one_is_named(form, freq):
    times = pd.date_range("2004-01-01", periods=12, freq=freq)
    cells = times.strftime(form)
    with pytest.raises(DataError, match=r"day and month cannot be told apart .*--day-first true"):
        parse(cells)
    assert (parse(cells, day_first=form.startswith("%d")) == times).all()
    assert (parse(cells, freq=freq) == times).all()
    assert (parse(cells, date_format=form) == times).all()


def test_order_in_the_file_decides_where_gaps_do_not():
    cells = ["05/01/2020", "09/01/2020", "01/02/2020", "07/02/2020"]
    assert parse(cells).month.tolist() == [1, 1, 2, 2]


def test_a_named_reading_that_does_not_fit_is_refused():
    with pytest.raises(DataError, match=r"--day-first false: not every row"):
        parse(["01/02/2024", "13/02/2024"], day_first=False)
    with pytest.raises(DataError, match=r"line 3: expected a time written as --date-format %d"):
        parse(["01/02/2024", "x"], date_format="%d/%m/%Y")
    with pytest.raises(DataError, match="expected a format as for strptime"):
        parse(["01/02/2024"], date_format="%Q")


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_local_days_over_daylight_saving_stay_local(zone):
    days = pd.date_range("2021-03-01", periods=40, tz=zone)
    found = read(map(str, days))
    assert not found.utc
    assert (found.index == days.tz_localize(None)).all()
    assert "times are local" in found.notes[-1]


@pytest.mark.parametrize("written", [str, lambda t: t.strftime("%d.%m.%Y %H:%M:%S %z")])
def test_hours_over_daylight_saving_become_utc(written):
    hours = pd.date_range("2021-03-27", periods=60, freq="h", tz="Europe/Berlin")
    found = read(map(written, hours))
    assert found.utc
    assert (found.index == hours.tz_convert("UTC").tz_localize(None)).all()


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["2024-01-31", "01/02/2024"], r"line 3: .* as in the first row \(2024-01-31\)"),
        (["01/02/2024", "2024-01-31"], r"line 3: .* as in the first row \(01/02/2024\)"),
        (["2021-02-28", "2021-02-30"], "line 3: .*'2021-02-30'"),
        (["08:00", "09:00"], "a clock without a date; .*--time DATE,CLOCK"),
        (["1-Jan", "2-Jan"], "expected dates with a year"),
        (["March", "April"], "expected dates with a year"),
        (["2021-01-01 00:00 CET"] * 2, "for the name of a time zone"),
        (["2021-01-01", "2021-01-01T01:00+01:00"], "an offset from UTC in every cell or in none"),
        (["0.5", "1.5"], "expected dates or whole numbers.*--date-format excel"),
        (["1500-01-01", "1501-01-01"], "expected dates from 1678 to 2261"),
        (["north", "south"], "line 2: expected a date such as 2024-01-31"),
        (["2020 Q1", "2020 Q5"], "line 3: .*'2020 Q5'"),
    ],
)
def test_what_is_no_time_is_refused_in_words(cells, message):
    with pytest.raises(DataError, match=message):
        parse(cells)


def test_numbers_of_a_named_format_keep_their_fractions():
    assert parse(["1700000000.5"], date_format="unix")[0] == pd.Timestamp("2023-11-14 22:13:20.5")
    assert parse(["1700000000000,25"], date_format="unix-ms")[0] == pd.Timestamp(
        "2023-11-14 22:13:20.00025"
    )


@pytest.mark.parametrize("form", ["excel", "unix", "unix-ms"])
@pytest.mark.parametrize("cell", ["1e19", "-1e19", "inf", "a"])
def test_numbers_that_no_time_stamp_holds_are_refused_with_their_line(form, cell):
    with pytest.raises(DataError, match=rf"line 3: expected .* as --date-format {form}"):
        parse(["43831", cell], date_format=form)
