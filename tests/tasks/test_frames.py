"""Reading data: every layout that people have, and every mistake that they make."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from glasscell.errors import DataError
from glasscell.tasks.frames import ReadOptions, read_panel
from glasscell.tasks.gaps import GapRule

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
        (b"PK\x03\x04\x00\x00", "binary"),
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


def test_text_in_a_wide_file_suggests_that_it_names_the_series(file):
    rows = [f"{day.date()},north,3" for day in DAYS]
    with pytest.raises(DataError, match=r"column 'store', line 2.*pass --series"):
        read_panel(write(file, rows, head="date,store,sales"))


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


def test_a_frequency_that_the_data_do_not_have_is_refused(file):
    with pytest.raises(DataError, match="--freq has frequency 'h', the data have 'D'"):
        read_panel(write(file, LONG), ReadOptions(freq="h"))
    with pytest.raises(DataError, match="expected a pandas offset"):
        read_panel(file, ReadOptions(freq="often"))


def test_one_far_row_does_not_fill_the_memory():
    seconds = pd.date_range("2020-01-01", periods=40, freq="s")
    times = seconds.append(pd.DatetimeIndex(["2120-01-01"]))
    with pytest.raises(DataError, match="check the first and last times"):
        read_panel(pd.DataFrame({"ds": times, "y": 1.0}))


def test_a_million_rows_are_read():
    times = pd.date_range("2018-01-01", periods=1_000_000, freq="min")
    panel = read_panel(pd.DataFrame({"ds": times.astype(str), "y": np.ones(1_000_000)}))
    assert len(panel.series[0].ds) == 1_000_000
