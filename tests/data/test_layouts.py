"""Times that are spread over columns or column names, as public sources write them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from glasscell.data.read import ReadOptions, read_panel
from glasscell.data.read_options import GapRule
from glasscell.errors import DataError

MONTHS = pd.date_range("2001-01-01", periods=60, freq="MS")
QUARTERS = pd.date_range("2001-01-01", periods=40, freq="QS")
HOURS = pd.date_range("2005-01-27", periods=200, freq="h")
NAMES = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def values(count, seed=0):
    return np.round(np.random.default_rng(seed).normal(size=count).cumsum() + 50, 2)


@pytest.fixture
def panel(tmp_path):
    def read(rows, **options):
        file = tmp_path / "data.csv"
        file.write_text("\n".join(rows) + "\n", encoding="utf-8")
        return read_panel(file, ReadOptions(**options))

    return read


def check(panel, times, expected, series=0):
    found = panel.series[series]
    assert (found.ds == times).all()
    np.testing.assert_array_equal(found.target, expected)


@pytest.mark.parametrize("clock", ["%H:%M:%S", "%H.%M.%S", "%I:%M %p", "%H:%M"])
@pytest.mark.parametrize("date", ["%d/%m/%Y", "%Y-%m-%d", "%d.%m.%y"])
def test_a_date_and_a_clock(panel, date, clock):
    y = values(200)
    rows = [f"{t.strftime(date)};{t.strftime(clock)};{v}" for t, v in zip(HOURS, y, strict=True)]
    found = panel(["Date;Time;kW", *rows])
    check(found, HOURS, y)
    assert found.roles.time == "Date,Time"
    assert "put together from the columns Date, Time" in found.notes[0]


def test_a_date_and_an_hour_that_ends_at_24(panel):
    y = values(200)
    rows = [f"{t.date()},{t.hour + 1},{v}" for t, v in zip(HOURS, y, strict=True)]
    check(panel(["day,hr,load", *rows]), HOURS + pd.Timedelta(hours=1), y)


def test_a_clock_beside_days_that_do_not_repeat_is_no_part_of_the_time(panel):
    days = pd.date_range("2020-01-01", periods=40)
    rows = [
        f"{d.date()},{5 + i % 3}:1{i % 7},{v}"
        for i, (d, v) in enumerate(zip(days, values(40), strict=True))
    ]
    found = panel(["date,sunrise,y", *rows])
    check(found, days, values(40))
    assert found.roles.ignored == ("sunrise",)


def test_a_named_date_column_whose_days_repeat_brings_its_clock(panel):
    rows = [f"{t.date()},{t:%H:%M},{v}" for t, v in zip(HOURS, values(200), strict=True)]
    assert panel(["Date,Time,y", *rows], time="Date").freq == "h"
    assert panel(["Date,Time,y", *rows], time="Date,Time").freq == "h"


@pytest.mark.parametrize(
    ("head", "row", "times"),
    [
        ("year,month", "{t.year},{t.month}", MONTHS),
        ("Year,Month", "{t.year},{t:%B}", MONTHS),
        ("yr,mon", "{t.year}.0,{t.month}.0", MONTHS),
        ("年份,月份", "{t.year},{t.month}", MONTHS),
        ("year,quarter", "{t.year}.0,{t.quarter}.0", QUARTERS),
        ("Year,Qtr", "{t.year},Q{t.quarter}", QUARTERS),
        ("year,month,day", "{t.year},{t.month},{t.day}", pd.date_range("2001-01-25", periods=60)),
        ("year,month,day,hour", "{t.year},{t.month},{t.day},{t.hour}", HOURS),
        ("year,period", "{t.year},M{t.month:02}", MONTHS),
        ("Año,Mes", "{t.year},{t.month}", MONTHS),
        ("Год,Месяц", "{t.year},{t.month}", MONTHS),
        ("YEAR,DOY", "{t.year},{t.day_of_year}", pd.date_range("2000-12-25", periods=60)),
        ("YEAR,DOY,HR", "{t.year},{t.day_of_year},{t.hour}", HOURS),
        ("YEAR,MO,DY,HR", "{t.year},{t.month},{t.day},{t.hour}", HOURS),
        ("Year,m,d,Time", "{t.year},{t.month},{t.day},{t:%H:%M}", HOURS),
        ("year,period", "{t.year},Q{t.quarter:02}", QUARTERS),
    ],
)
def test_parts_of_the_time_in_columns(panel, head, row, times):
    y = values(len(times))
    rows = [f"{row.format(t=t)},{v}" for t, v in zip(times, y, strict=True)]
    found = panel([f"{head},gdp", *rows])
    check(found, times, y)
    assert found.roles.targets == ("gdp",)
    assert panel([f"{head},gdp", *rows], time=head).freq == found.freq


def test_weeks_of_a_year(panel):
    weeks = pd.date_range("2019-12-30", periods=60, freq="W-MON")
    rows = [f"{t.isocalendar().year},{t.isocalendar().week},1.5" for t in weeks]
    assert (panel(["year,week,y", *rows]).series[0].ds == weeks).all()


def test_yearly_means_among_months_are_left_out_and_said(panel):
    rows = [f"{y}\tM{m:02}\t{y + m / 100}" for y in range(2001, 2006) for m in range(1, 14)]
    found = panel(["year\tperiod\tvalue", *rows])
    check(found, MONTHS, [t.year + t.month / 100 for t in MONTHS])
    assert "5 rows of yearly means" in found.notes[1]


def test_parts_that_make_no_time_are_refused(panel):
    with pytest.raises(DataError, match="expected a date and a clock, or a year"):
        panel(["a,b", "1,2"], time="a,b")
    with pytest.raises(DataError, match="there is no column 'c'; the columns found are a, b"):
        panel(["a,b", "1,2"], time="a,c")


@pytest.mark.parametrize(
    "heads", [NAMES, [n.upper() for n in NAMES], [str(i) for i in range(1, 13)]]
)
def test_years_by_months_are_one_series(panel, heads):
    y = values(60).reshape(5, 12)
    rows = [f"{2001 + i}," + ",".join(map(str, row)) + ",9" for i, row in enumerate(y)]
    found = panel(["YEAR," + ",".join(heads) + ",Annual", *rows])
    check(found, MONTHS, y.ravel())
    assert "by month" in found.notes[0]
    assert found.roles.ignored == ("Annual",)


@pytest.mark.parametrize(
    "heads", ["Q1,Q2,Q3,Q4", "Quarter 1,Quarter 2,Quarter 3,Quarter 4", "I,II,III,IV"]
)
def test_years_by_quarters_are_one_series(panel, heads):
    y = values(40).reshape(10, 4)
    rows = [f"{2001 + i}," + ",".join(map(str, row)) for i, row in enumerate(y)]
    check(panel([f"Year,{heads}", *rows]), QUARTERS, y.ravel())


def test_months_that_are_yet_to_come_are_cut_off(panel):
    rows = [
        f"{2001 + i}," + ",".join("" if i == 4 and m > 5 else "2.5" for m in range(12))
        for i in range(5)
    ]
    found = panel(["Year," + ",".join(NAMES), *rows])
    assert (found.series[0].ds == MONTHS[:54]).all()
    assert any("6 cells without a value at the ends" in note for note in found.notes)


def test_a_gap_within_a_table_is_still_refused_with_its_line(panel):
    rows = [
        f"{2001 + i}," + ",".join("" if (i, m) == (2, 5) else "2.5" for m in range(12))
        for i in range(5)
    ]
    with pytest.raises(
        DataError, match=r"1 of 60 time steps has no value, first 2003-06-01 \(line 4\)"
    ):
        panel(["Year," + ",".join(NAMES), *rows])


def test_years_by_months_of_several_places(panel):
    rows = [f"{s},{y}," + ",".join([str(y)] * 12) for s in "ab" for y in range(2001, 2006)]
    found = panel(["station,year," + ",".join(NAMES), *rows])
    assert [s.unique_id for s in found.series] == ["a", "b"]
    assert (found.series[1].ds == MONTHS).all()


def test_months_by_years(panel):
    rows = [
        f"{name}," + ",".join(str(y * 100 + m) for y in range(2001, 2006))
        for m, name in enumerate(NAMES, 1)
    ]
    found = panel(["Month,2001,2002,2003,2004,2005", *rows])
    check(found, MONTHS, [t.year * 100 + t.month for t in MONTHS])


def test_a_named_month_is_a_yearly_series(panel):
    rows = [f"{2001 + i}," + ",".join(map(str, range(12))) for i in range(30)]
    found = panel(["Year," + ",".join(NAMES), *rows], target="Feb", covariates=[])
    assert (found.freq, found.roles.time, found.roles.targets) == (1, "Year", ("Feb",))


@pytest.mark.parametrize("head", ["", "Yıl"])
def test_years_without_a_name_above_them(panel, head):
    y = values(60)
    rows = [f"{2001 + i}," + ",".join(map(str, y[12 * i : 12 * i + 12])) for i in range(5)]
    check(panel([",".join([head, *NAMES]), *rows]), MONTHS, y)


def test_steps_as_column_names(panel):
    head = ",".join(["id", "item_id", *(f"d_{k}" for k in range(1, 21))])
    y = values(20)
    rows = [f"hat_{shop},hat,{','.join(map(str, y + i))}" for i, shop in enumerate("ab")]
    found = panel([head, *rows])
    assert [s.unique_id for s in found.series] == ["hat_a", "hat_b"]
    check(found, pd.RangeIndex(1, 21), y + 1, series=1)


def test_years_as_column_names_of_which_one_has_no_value(panel):
    years = range(2000, 2010)
    rows = ["place," + ",".join(map(str, years))]
    rows += [f"{p},n/a,{','.join(['1.5'] * 9)}" for p in ("Aa", "Bb")]
    assert panel(rows).series[0].ds.tolist() == list(range(2001, 2010))


def test_days_by_hours(panel):
    y = values(240).reshape(10, 24)
    rows = [f"2020-01-{i + 1:02}," + ",".join(map(str, row)) for i, row in enumerate(y)]
    found = panel(["date," + ",".join(f"{h:02}:00" for h in range(24)), *rows])
    check(found, pd.date_range("2020-01-01", periods=240, freq="h"), y.ravel())


@pytest.mark.parametrize(
    "head",
    ["{t.year}M{t.month}", "{t.year}-{t.month:02} ", "{t:%b} {t.year}", "{t.year}年{t.month}月"],
)
def test_times_as_column_names(panel, head):
    y = values(60)
    rows = [f"{name},x," + ",".join(map(str, y + k)) for k, name in enumerate(("Chad", "Chile"))]
    found = panel(["Country,Unit," + ",".join(head.format(t=t) for t in MONTHS), *rows])
    check(found, MONTHS, y + 1, series=1)
    assert [s.unique_id for s in found.series] == ["Chad", "Chile"]


@pytest.mark.parametrize("head", ["{}", "X{}", "{} [YR{}]", '"{}"'])
def test_years_as_column_names_below_a_title(panel, head):
    years = range(1990, 2020)
    names = ",".join(head.format(y, y) for y in years)
    empty = ",".join('""' for _ in years)
    rows = [
        f'"{c}","{c[:3]}","GDP",' + ",".join(["..", *map(str, range(29))]) + ","
        for c in ("Aruba", "Angola")
    ]
    title = ['"Data Source","Indicators",', "", '"Last Updated","2024-03-28",', ""]
    found = panel(
        [*title, f'"Country","Code","Indicator",{names},', *rows, f'"Nowhere","NOW","GDP",{empty},']
    )
    assert [s.unique_id for s in found.series] == ["Angola", "Aruba"]
    assert (found.series[0].ds == pd.Index(range(1991, 2020))).all()
    assert any("Nowhere" in note for note in found.notes)
    assert "Lines above the table were not read (2)" in found.notes[0]


def test_flags_behind_numbers_are_left_out_and_said(panel):
    cells = [": c", "1.5 p", "2.5 e", *["3.5 "] * 57]
    rows = ["M,PC,DE\t" + "\t".join(cells)]
    found = panel(
        [
            "freq,unit,geo\\TIME_PERIOD\t" + "\t".join(f"{t.year}-{t.month:02} " for t in MONTHS),
            *rows,
        ]
    )
    check(found, MONTHS[1:], [1.5, 2.5] + [3.5] * 57)
    assert any("Flags after numbers, as in '1.5 p'" in note for note in found.notes)


def test_several_labels_name_a_series_where_one_does_not(panel):
    days = pd.date_range("2020-01-22", periods=30)
    rows = [
        f"{p},{c},1.5," + ",".join(["7"] * 30)
        for p, c in (("", "France"), ("Hubei", "China"), ("Anhui", "China"))
    ]
    found = panel(
        ["Province,Country,Lat," + ",".join(f"{d.month}/{d.day}/{d:%y}" for d in days), *rows]
    )
    assert [s.unique_id for s in found.series] == ["Anhui China", "France", "Hubei China"]
    assert (found.series[0].ds == days).all()


def test_a_missing_mark_in_a_table_may_be_named(panel):
    marked = ((2, 5), (3, 7))
    rows = [
        f"{2001 + i}," + ",".join("-99.9" if (i, m) in marked else "2.5" for m in range(12))
        for i in range(5)
    ]
    found = panel(
        ["Year," + ",".join(NAMES), *rows], missing=("-99.9",), gaps=GapRule("interpolate")
    )
    assert (found.series[0].target == 2.5).all()


def test_one_thing_is_counted_in_the_singular(panel):
    rows = [(1990 + k // 12, f"M{k % 12 + 1:02}", k % 7) for k in range(120)]
    found = panel(
        ["year,period,y", *map(",".join, [map(str, r) for r in [*rows, (1999, "M13", 3)]])]
    )
    assert "1 row of yearly means (M13, Q05 or S03) was left out." in found.notes
    years = ",".join(map(str, range(1990, 2020)))
    found = panel([f"place,{years}", "Aland," + ",".join(str(k % 5) for k in range(29)) + ","])
    assert any("1 row of 30 values was read as series" in note for note in found.notes)
    assert "1 cell without a value at the ends of series was left out." in found.notes
