"""Reading data: every layout that people have, and every mistake that they make."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from glasscell.data.read import ReadOptions, read_panel
from glasscell.data.read_options import GapRule
from glasscell.errors import DataError

DAYS = pd.date_range("2020-01-01", periods=40, freq="D")
VALUES = np.arange(40) * 0.5 + 1.25
LONG = [f"a,{day.date()},{value}" for day, value in zip(DAYS, VALUES, strict=True)]
HEAD = "unique_id,ds,y"


def write(path, rows, head=HEAD, newline="\n", encoding="utf-8"):
    path.write_bytes((newline.join([head, *rows]) + newline).encode(encoding))
    return path


@pytest.fixture
def file(tmp_path):
    return tmp_path / "data.csv"


def changed(row, text):
    return [*LONG[:row], text, *LONG[row + 1 :]]


def test_a_long_file_is_read(file):
    panel = read_panel(write(file, LONG))
    (series,) = panel.series
    assert (series.unique_id, panel.freq, len(series.ds)) == ("a", "D", 40)
    np.testing.assert_array_equal(series.target, VALUES)


@pytest.mark.parametrize(
    ("newline", "encoding"),
    [("\r\n", "utf-8"), ("\n", "utf-8-sig"), ("\n", "utf-16"), ("\r\n", "utf-8-sig")],
)
def test_line_ends_and_byte_order_marks_change_nothing(file, newline, encoding):
    panel = read_panel(write(file, LONG, newline=newline, encoding=encoding))
    np.testing.assert_array_equal(panel.series[0].target, VALUES)


def test_headers_may_be_chinese(file):
    rows = [row.split(",", 1)[1] for row in LONG]
    panel = read_panel(write(file, rows, head="日期,销量"))
    assert panel.series[0].unique_id == "销量"


def test_a_compressed_file_is_read(tmp_path):
    path = tmp_path / "data.csv.gz"
    path.write_bytes(gzip.compress("\n".join([HEAD, *LONG]).encode()))
    assert len(read_panel(path).series[0].ds) == 40


def test_semicolons_and_decimal_commas_are_found(file):
    rows = [row.replace(",", ";").replace(".", ",") for row in LONG]
    panel = read_panel(write(file, rows, head=HEAD.replace(",", ";")))
    np.testing.assert_array_equal(panel.series[0].target, VALUES)


def test_an_ambiguous_comma_is_refused_until_it_is_named(file):
    rows = [f"{day.date()};1,{100 + i}" for i, day in enumerate(DAYS)]
    write(file, rows, head="ds;y")
    with pytest.raises(DataError, match=r"'1,100' may be a decimal comma .*--decimal"):
        read_panel(file)
    assert read_panel(file, ReadOptions(decimal=",")).series[0].target[0] == 1.1


def test_a_wide_file_gives_one_series_per_column(file):
    rows = [f"{day.date()},{v},{2 * v}" for day, v in zip(DAYS, VALUES, strict=True)]
    panel = read_panel(write(file, rows, head="date,b,a"))
    assert [s.unique_id for s in panel.series] == ["a", "b"]
    np.testing.assert_array_equal(panel.series[0].target, 2 * VALUES)


def test_a_named_target_makes_the_other_numbers_covariates(file):
    rows = [f"{day.date()},{v},{2 * v},text" for day, v in zip(DAYS, VALUES, strict=True)]
    write(file, rows, head="date,b,a,note")
    panel = read_panel(file, ReadOptions(target="b"))
    assert panel.covariates == ("a",)
    assert panel.notes == ("Columns not read: note.",)
    np.testing.assert_array_equal(panel.series[0].values, np.stack([VALUES, 2 * VALUES], axis=1))


def test_aliases_of_the_long_layout_are_known(file):
    assert read_panel(write(file, LONG, head="item_id,timestamp,target")).roles.layout == "long"


def test_rows_are_sorted(file):
    order = np.random.default_rng(0).permutation(40)
    panel = read_panel(write(file, [LONG[i] for i in order]))
    np.testing.assert_array_equal(panel.series[0].target, VALUES)


def test_a_series_may_be_called_na(file):
    assert read_panel(write(file, ["NA" + row[1:] for row in LONG])).series[0].unique_id == "NA"


def test_blank_lines_are_passed_over_and_still_counted(file):
    rows = [*LONG[:5], "", *LONG[5:10], "a,2020-01-11,x"]
    with pytest.raises(DataError, match=r"column 'y', line 13: expected a number, got 'x'"):
        read_panel(write(file, rows))


def test_a_pandas_frame_is_read_like_a_file():
    frame = pd.DataFrame({"ds": DAYS, "y": VALUES})
    np.testing.assert_array_equal(read_panel(frame).series[0].target, VALUES)


def test_times_with_offsets_become_utc(file):
    rows = [f"{day.isoformat()}+01:00,{v}" for day, v in zip(DAYS, VALUES, strict=True)]
    panel = read_panel(write(file, rows, head="ds,y"))
    assert panel.utc
    assert panel.series[0].ds[0] == pd.Timestamp("2019-12-31 23:00")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (changed(10, "a,2020-01-11,abc"), r"column 'y', line 12: expected a number, got 'abc'"),
        (changed(10, "a,2020-01-11,inf"), r"column 'y', line 12: expected a finite number"),
        (
            changed(10, "a,2020-01-11,"),
            r"series 'a', column 'y': 1 of 40 .* first 2020-01-11 \(line 12\).*--gaps interpolate",
        ),
        (
            changed(10, "a,2020-01-10,7"),
            r"series 'a': expected one row per time stamp, got 1 .* 2020-01-10 \(line 12\)",
        ),
        (
            LONG[:10] + LONG[13:],
            r"3 of 40 time steps have no value, first 2020-01-11 \(no such row\)",
        ),
        (changed(10, "a,soon,7"), r"time column 'ds', line 12: expected a date .* got 'soon'"),
        (changed(10, "a,,7"), r"time column 'ds', line 12: expected a time stamp, got nothing"),
        (changed(10, ",2020-01-11,7"), r"series column 'unique_id', line 12"),
        (changed(10, LONG[10] + ",9"), r"does not fit the header of 3 columns .* line 12, saw 4"),
        (LONG[:1], r"series 'a': expected a history of at least \d+ time steps, got 1"),
        ([], r"no rows below the header"),
        (changed(10, "a,2020-01-11 05:00,7"), r"not on the regular grid .*line 12.*--resample"),
    ],
)
def test_broken_data_are_refused_with_the_place(file, rows, message):
    with pytest.raises(DataError, match=message):
        read_panel(write(file, rows))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (bytes(range(256)) * 9, "expected text"),
        (b"PK\x03\x04\x00\x00", "a damaged zip file"),
        ("ds,größe\n2020-01-01,3\n".encode("latin-1"), "UTF-8"),
        (b"\x1f\x8bnot really", "expected text"),
        (b"ds,y,y\n2020-01-01,3,4\n", "distinct column names, got y twice"),
        (b"2020-01-01,3\n2020-01-02,4\n", "expected column names in the first line"),
        (b"p,q\n1.5,3\n2.5,4\n", "expected a time column .* the columns found are p, q"),
    ],
)
def test_what_is_no_usable_csv_is_refused(file, content, message):
    file.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_panel(file)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(DataError, match="found nothing"):
        read_panel(tmp_path / "none.csv")
    with pytest.raises(DataError, match="found a folder"):
        read_panel(tmp_path)


def test_a_missing_column_is_answered_with_those_there_are(file):
    with pytest.raises(DataError, match=r"'price'.*the columns found are unique_id, ds, y"):
        read_panel(write(file, LONG), ReadOptions(target="price"))


def test_rows_that_repeat_a_time_are_answered_with_the_column_that_parts_them(file):
    rows = [f"{day.date()},{day.day_name()},{store},3" for day in DAYS for store in "ab"]
    with pytest.raises(DataError, match=r"40 repeated ones.*the column store tells them apart"):
        read_panel(write(file, rows, head="date,weekday,store,sales"))
    panel = read_panel(file, ReadOptions(series="store"))
    assert [s.unique_id for s in panel.series] == ["a", "b"]


def test_two_columns_may_part_the_rows_together(file):
    rows = [f"{day.date()},{s},{i},3" for day in DAYS for s in "ab" for i in "xy"]
    with pytest.raises(DataError, match="store and item together tell them apart"):
        read_panel(write(file, rows, head="date,store,item,sales"))


@pytest.mark.parametrize(
    ("head", "label", "hint"),
    [
        ("date,store,sales,customers", "{s}", "pass --series store"),
        ("date,my shop,sales,customers", "shop {s}", "pass --series 'my shop'"),
        ("date,Month,sales,customers", "miesiac {s}", "column Month tells .* part of the time"),
    ],
)
def test_the_column_that_parts_rows_may_be_numbered_and_is_quoted(file, head, label, hint):
    rows = [f"{day.date()},{label.format(s=s)},{3 + s},4.5" for day in DAYS for s in (1, 2)]
    with pytest.raises(DataError, match=hint):
        read_panel(write(file, rows, head=head))


@pytest.mark.parametrize(
    "again",
    [
        [f"{day.timestamp() + 82800:.0f}" for day in DAYS],
        [f"{day.timestamp() + 82800:.0f}999" for day in DAYS],
        [f"{day:%Y%m%d}" for day in DAYS],
        [f"{day + pd.Timedelta(days=1):%Y%m%d}" for day in DAYS],
    ],
)
def test_a_second_column_of_times_in_numbers_is_no_series(file, again):
    rows = [f"{day.date()},{a},{v}" for day, a, v in zip(DAYS, again, VALUES, strict=True)]
    panel = read_panel(write(file, rows, head="date,close_time,sales"))
    assert panel.roles.targets == ("sales",)
    assert panel.notes == ("Columns not read: close_time (part of the time).",)


def test_large_numbers_that_are_no_times_are_a_series(file):
    rows = [f"{day.date()},{20000000 + 137 * i},{i % 7}" for i, day in enumerate(DAYS)]
    panel = read_panel(write(file, rows, head="date,volume,sales"))
    assert panel.roles.targets == ("volume", "sales")


def test_a_label_beside_each_day_is_not_read(file):
    rows = [f"{day.date()},{day.day_name()},{i * i}" for i, day in enumerate(DAYS)]
    panel = read_panel(write(file, rows, head="date,weekday,sales"))
    assert panel.roles.targets == ("sales",)
    assert panel.notes == ("Columns not read: weekday.",)


COUNTED = {
    "": range(40),
    "Unnamed: 0": range(7, 47),
    "rownames": range(1, 41),
    "ID": range(39, -1, -1),
    "const": [5] * 40,
    "store_id": [7 + i % 3 for i in range(40)],
    "year": DAYS.year,
    "Month": DAYS.month,
    "dow": DAYS.day_of_week,
    "decimal": DAYS.year + (DAYS.day_of_year - 1) / 366,
    "empty": [""] * 40,
}


@pytest.mark.parametrize("name", COUNTED)
@pytest.mark.parametrize("target", [None, "sales"])
def test_counters_constants_labels_and_parts_of_the_date_are_no_series_nor_covariates(
    file, name, target
):
    columns = zip(COUNTED[name], DAYS, VALUES, np.sqrt(VALUES), strict=True)
    rows = [f"{cell},{day.date()},{a},{b:.3f}" for cell, day, a, b in columns]
    panel = read_panel(
        write(file, rows, head=f"{name},date,sales,price"), ReadOptions(target=target)
    )
    assert {*panel.roles.targets, *panel.roles.covariates} == {"sales", "price"}
    assert f"Columns not read: {name or 'column 1'}" in panel.notes[-1]


def test_small_numbers_beside_days_without_a_clock_are_read(file):
    rows = [f"{day.date()},{v},{0.01 * np.sin(v):.4f}" for day, v in zip(DAYS, VALUES, strict=True)]
    panel = read_panel(write(file, rows, head="date,price,return"))
    assert panel.roles.targets == ("price", "return")


def test_a_counter_under_a_name_of_its_own_is_read_and_said(file):
    rows = [f"{day.date()},{i},{i % 7}" for i, day in enumerate(DAYS)]
    panel = read_panel(write(file, rows, head="date,stock,sales"))
    assert panel.roles.targets == ("stock", "sales")
    assert panel.notes == ("Column 'stock' only counts the rows, and is read nevertheless.",)


def test_what_the_user_names_is_read_whatever_it_holds(file):
    rows = [
        f"{i},{day.date()},{day.year},{v}"
        for i, (day, v) in enumerate(zip(DAYS, VALUES, strict=True))
    ]
    write(file, rows, head="No,date,year,sales")
    assert read_panel(file, ReadOptions(target="No", covariates=["year"])).covariates == ("year",)


def test_one_constant_series_is_kept(file):
    rows = [f"{day.date()},5" for day in DAYS]
    assert read_panel(write(file, rows, head="date,sales")).roles.targets == ("sales",)


def test_titles_and_comments_above_the_header_are_passed_over_and_said(file):
    rows = [row.split(",", 1)[1] for row in LONG]
    for head, *more in (["Sales of a shop", "# a, b, c"], ["# a, b, c", "Sales of a shop"]):
        panel = read_panel(write(file, [*more, "", "ds,y", *rows], head=head))
        np.testing.assert_array_equal(panel.series[0].target, VALUES)
        assert "Lines above the table were not read (2)" in panel.notes[0]


@pytest.mark.parametrize(
    "above",
    [
        ["Rain, wind, sun", "Missing: -99", "ds,rain,sun"],
        ["lat,lon,height,zone", "52.5,13.4,38.0,GMT", "", "ds,rain,sun"],
        ["sep=,", "ds,rain,sun"],
    ],
)
def test_titles_as_wide_as_the_table_are_no_names(file, above):
    rows = [f"{day.date()},{v},{v + 1}" for day, v in zip(DAYS, VALUES, strict=True)]
    panel = read_panel(write(file, rows, head="\n".join(above)))
    assert panel.roles.targets == ("rain", "sun")
    assert len(panel.series[0].ds) == 40
    assert "Lines above the table were not read" in panel.notes[0]


@pytest.mark.parametrize(
    "between",
    [
        ["Unit,mm,h", "Source,N-12,N-13", "First,3,4", "Until,X,Y"],
        ["Ticker,A,A", "Date,,"],
        ["5s,14n,10s"],
        [",mm,h"],
    ],
)
def test_lines_between_names_and_rows_are_passed_over_and_said(file, between):
    rows = [f"{day.date()},{v},{v + 1}" for day, v in zip(DAYS, VALUES, strict=True)]
    write(file, [*between, *rows], head="when,rain,sun")
    panel = read_panel(file)
    assert panel.roles.targets == ("rain", "sun")
    np.testing.assert_array_equal(panel.series[0].target, VALUES)
    count = len(between)
    assert f"between the names and the rows were not read ({count})" in panel.notes[0]
    rows[4] = f"{DAYS[4].date()},wet,2"
    with pytest.raises(DataError, match=rf"line {count + 6}: expected a number, got 'wet'"):
        read_panel(write(file, [*between, *rows], head="when,rain,sun"))


def test_a_slip_in_the_first_row_is_not_passed_over(file):
    with pytest.raises(DataError, match=r"line 2: expected a date.*got 'yesterday'"):
        read_panel(write(file, changed(0, "a,yesterday,1"), head=HEAD))


def test_units_below_the_names_of_parts_of_a_time(file):
    rows = [f"{day.year},{day.month},{day.day},{i % 7}" for i, day in enumerate(DAYS)]
    panel = read_panel(write(file, ["yr,mo,dy,mm", *rows], head="#YY,MM,DD,rain"))
    assert (panel.series[0].ds == DAYS).all()


def test_notes_below_the_table_are_answered_with_their_line(file):
    rows = [f"{day.date()},1.5" for day in DAYS]
    write(file, [*rows, "Source: a bureau,"], head="when,rain")
    with pytest.raises(DataError, match=r"line 42: expected a date.*got 'Source: a bureau'"):
        read_panel(file)


def test_columns_parted_by_spaces(file):
    rows = [f"{day.date()}   {v:8.2f} {-v:8.2f}  " for day, v in zip(DAYS, VALUES, strict=True)]
    panel = read_panel(write(file, ["", *rows], head="  date      rain      sun"))
    assert panel.roles.targets == ("rain", "sun")
    np.testing.assert_array_equal(panel.series[0].target, np.round(VALUES, 2))
    rows[2] = f"{DAYS[2].date()}  wet  3"
    with pytest.raises(DataError, match="line 4: expected a number, got 'wet'"):
        read_panel(write(file, rows, head="date rain sun"))
    rows = [f'"{day.date()}" {v}' for day, v in zip(DAYS, VALUES, strict=True)]
    assert len(read_panel(write(file, rows, head='"x y"')).series[0].ds) == 40


def test_a_quotation_mark_within_names_swallows_no_lines(file):
    rows = [f"{day.date()},{v}" for day, v in zip(DAYS, VALUES, strict=True)]
    panel = read_panel(write(file, rows, head=',"Index ; food ;"'))
    assert panel.roles.targets == ("Index ; food ;",)


@pytest.mark.parametrize("flag", ["*", " *", "#"])
def test_stars_behind_numbers_are_flags(file, flag):
    rows = [f"{day.date()},1.5{flag if day.day == 7 else ''}" for day in DAYS]
    panel = read_panel(write(file, rows, head="ds,sun"))
    assert any(note.startswith("Flags after numbers") for note in panel.notes)


def test_names_as_trading_programs_write_them(file):
    times = pd.date_range("2021-01-01", periods=50, freq="h")
    rows = [f"{t:%Y%m%d},{t:%H%M%S},{i % 9}.5" for i, t in enumerate(times)]
    panel = read_panel(write(file, rows, head="<DATE>,<TIME>,<CLOSE>"))
    assert (panel.series[0].ds == times).all()
    assert panel.roles.targets == ("<CLOSE>",)


def test_blank_names_above_the_real_ones(file):
    rows = [f"{day.date()},{v},{v + 1}" for day, v in zip(DAYS, VALUES, strict=True)]
    write(file, ["Period:,2021,", "when,rain,sun", *rows], head="Summary,,")
    assert read_panel(file).roles.targets == ("rain", "sun")


def test_comments_as_wide_as_the_table_and_times_that_stand_in_every_row(file):
    above = ["#datatype,dateTime,double", "#group,false,true"]
    rows = [f"2021-01-01,{day.date()},{v}" for day, v in zip(DAYS, VALUES, strict=True)]
    write(file, [*above[1:], "_start,_time,_value", *rows], head=above[0])
    panel = read_panel(file)
    assert (panel.series[0].ds == DAYS).all()
    assert panel.roles.targets == ("_value",)


def test_a_number_with_its_quality_is_no_decimal(file):
    rows = [f'{day:%Y-%m-%d},"+{i:04},1",4,7' for i, day in enumerate(DAYS)]
    write(file, rows, head="DATE,TMP,SOURCE,KIND")
    with pytest.raises(DataError, match=r"found only SOURCE .4 throughout.*--target"):
        read_panel(file)
    with pytest.raises(DataError, match=r"expected a number, got '\+0000,1'"):
        read_panel(file, ReadOptions(target="TMP"))


def test_row_names_without_a_name_for_their_column(file):
    rows = [
        f'"{i}"\t{day.date()}\t{v}' for i, (day, v) in enumerate(zip(DAYS, VALUES, strict=True), 1)
    ]
    panel = read_panel(write(file, rows, head="date\tsales"))
    np.testing.assert_array_equal(panel.series[0].target, VALUES)


def test_a_separator_at_the_end_of_every_row(file):
    rows = [row.split(",", 1)[1] + "," for row in LONG]
    assert read_panel(write(file, rows, head="ds,y")).roles.targets == ("y",)
    assert read_panel(write(file, rows, head="ds,y,")).roles.targets == ("y",)


def test_a_cell_may_have_any_length(file):
    rows = [
        f"{day.date()},{v},{'z' * 200_000 if v > 20 else 'a'}"
        for day, v in zip(DAYS, VALUES, strict=True)
    ]
    panel = read_panel(write(file, rows, head="date,sales,comment"))
    np.testing.assert_array_equal(panel.series[0].target, VALUES)


def test_text_of_16_bits_needs_no_mark(file):
    panel = read_panel(write(file, LONG, encoding="utf-16-le"))
    np.testing.assert_array_equal(panel.series[0].target, VALUES)


def test_missing_marks_of_sources_are_gaps_and_more_may_be_named(file):
    rows = [row.split(",", 1)[1] for row in LONG]
    rows[10:13] = ["2020-01-11,.", "2020-01-12,?", "2020-01-13,-999"]
    with pytest.raises(DataError, match="2 of 40 time steps have no value"):
        read_panel(write(file, rows, head="ds,y"))
    options = ReadOptions(gaps=GapRule("interpolate"), missing=("-999",))
    np.testing.assert_allclose(read_panel(file, options).series[0].target, VALUES)


def test_a_value_that_may_mark_missing_ones_is_said(file):
    rows = [row.split(",", 1)[1] for row in LONG]
    rows[10:12] = ["2020-01-11,-999", "2020-01-12,-999"]
    notes = read_panel(write(file, rows, head="ds,y")).notes
    assert any("holds -999 2 times" in note for note in notes)


def test_thousands_of_a_semicolon_file_are_refused_wherever_they_begin(file):
    rows = [
        f"{day.date()};{i}" for i, day in enumerate(pd.date_range("2000-01-01", periods=999), 1)
    ]
    write(file, [*rows, "2002-09-26;1.000"], head="ds;y")
    with pytest.raises(DataError, match=r"'1\.000' may be a decimal point or a thousands"):
        read_panel(file)
    assert read_panel(file, ReadOptions(decimal=",")).series[0].target[-1] == 1000
    assert read_panel(file, ReadOptions(decimal=".")).series[0].target[-1] == 1


def test_a_column_that_is_not_read_tells_the_decimal_mark_too(file):
    rows = [f"{day.date()};1,{100 + i};{i},5" for i, day in enumerate(DAYS)]
    panel = read_panel(write(file, rows, head="ds;y;other"))
    assert panel.roles.targets == ("y",)
    assert panel.series[0].target[0] == 1.1


def test_what_a_shorter_file_would_not_tell_is_kept(file):
    written = [f"{v:.2f}".replace(".", ",") for v in VALUES]
    rows = [f"{day:%d.%m.%Y};{v}" for day, v in zip(DAYS, written, strict=True)]
    panel = read_panel(write(file, rows, head="Datum;Wert"))
    np.testing.assert_array_equal(panel.series[0].target, VALUES)
    assert panel.detected == {"decimal": ",", "day_first": True}


@pytest.mark.parametrize("number", ["1e305", "1e400", "1" + "0" * 400])
def test_numbers_whose_sums_are_infinite_are_refused(file, number):
    rows = [row.split(",", 1)[1] for row in LONG]
    rows[3] = f"2020-01-04,{number}"
    with pytest.raises(DataError, match=r"line 5: expected a (finite number|number below 1e\+304)"):
        read_panel(write(file, rows, head="ds,y"))


def test_one_day_in_each_month_stands_for_the_month(file):
    months = pd.date_range("2001-01-15", periods=40, freq="MS") + pd.Timedelta(days=14)
    rows = [f"{month.date()},{v}" for month, v in zip(months, VALUES, strict=True)]
    panel = read_panel(write(file, rows, head="date,sales"))
    assert (panel.freq, panel.series[0].ds[0].day) == ("MS", 1)
    assert "day 15" in panel.notes[0]


def test_gaps_are_interpolated_in_time(file):
    options = ReadOptions(gaps=GapRule("interpolate"))
    panel = read_panel(write(file, LONG[:10] + LONG[13:]), options)
    np.testing.assert_allclose(panel.series[0].target, VALUES)
    assert panel.series[0].measured.sum() == 37
    assert "3 interpolated, 0 left" in panel.notes[0]


def test_longer_gaps_than_max_gap_stay(file):
    rows = LONG[:10] + LONG[11:20] + LONG[23:]
    panel = read_panel(write(file, rows), ReadOptions(gaps=GapRule("interpolate", "2D")))
    assert np.flatnonzero(np.isnan(panel.series[0].target)).tolist() == [20, 21, 22]


def test_missing_ends_are_cut_off_and_said(file):
    rows = [*LONG[:-2], "a,2020-02-08,", "a,2020-02-09,"]
    panel = read_panel(write(file, rows), ReadOptions(gaps=GapRule("drop")))
    assert len(panel.series[0].ds) == 38
    assert "2 time steps without a value at the ends were cut off" in panel.notes[0]


def test_jittered_times_are_averaged_into_bins(file):
    rows = [f"{day + pd.Timedelta(minutes=i % 7)},{i}" for i, day in enumerate(DAYS)]
    panel = read_panel(write(file, rows, head="ds,y"), ReadOptions(freq="D", resample=True))
    np.testing.assert_array_equal(panel.series[0].target, np.arange(40))


def test_a_named_frequency_is_believed_where_every_row_lies_on_its_grid(file):
    rows = [row.split(",", 1)[1] for row in LONG[::3]]
    write(file, rows, head="ds,y")
    with pytest.raises(DataError, match="26 of 40 time steps have no value, first 2020-01-02"):
        read_panel(file, ReadOptions(freq="D"))
    panel = read_panel(file, ReadOptions(freq="D", gaps=GapRule("interpolate")))
    assert panel.freq == "D"
    np.testing.assert_allclose(panel.series[0].target, VALUES)


def test_a_named_frequency_that_a_row_does_not_fit_is_answered_with_the_row(file):
    with pytest.raises(
        DataError, match=r"38 of 40 .* grid of frequency MS .*2020-01-02 \(line 3\)"
    ):
        read_panel(write(file, LONG), ReadOptions(freq="MS"))
    with pytest.raises(DataError, match="expected a pandas offset"):
        read_panel(file, ReadOptions(freq="often"))


def test_years_are_dates_where_a_calendar_is_named(file):
    rows = [f"{1950 + i},{v}" for i, v in enumerate(VALUES)]
    write(file, rows, head="year,y")
    assert read_panel(file).freq == 1
    panel = read_panel(file, ReadOptions(freq="YS"))
    assert (panel.freq, panel.series[0].ds[0]) == ("YS-JAN", pd.Timestamp("1950-01-01"))


def test_one_far_row_does_not_fill_the_memory():
    seconds = pd.date_range("2020-01-01", periods=40, freq="s")
    times = seconds.append(pd.DatetimeIndex(["2120-01-01"]))
    with pytest.raises(DataError, match="check the first and last times"):
        read_panel(pd.DataFrame({"ds": times, "y": 1.0}))


def test_a_million_rows_are_read():
    times = pd.date_range("2018-01-01", periods=1_000_000, freq="min")
    panel = read_panel(pd.DataFrame({"ds": times.astype(str), "y": np.ones(1_000_000)}))
    assert len(panel.series[0].ds) == 1_000_000
