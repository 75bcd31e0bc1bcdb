"""What may be given: files that are no CSV are named, frames are read as they come."""

from __future__ import annotations

import gzip
import zipfile

import numpy as np
import pandas as pd
import pytest

from glasscell.data.read import ReadOptions, read_panel
from glasscell.errors import DataError

DAYS = pd.date_range("2020-01-01", periods=40)
VALUES = np.arange(40) * 0.5 + 1.25
FRAME = pd.DataFrame({"ds": DAYS, "y": VALUES})


def zipped(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "text")
    return path.read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PAR1\x15\x04", "expected a Parquet file, got a damaged one"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"\x93NUMPY\x01", "a NumPy array"),
        (b"SQLite format 3\x00", "an SQLite database"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "expected a workbook, got a damaged one"),
        (b"ARROW1\x00\x00", r"expected an Arrow \(Feather\) file, got a damaged one"),
        (b"BZh91AY", "a damaged bz2 file .*download it again"),
        (b"\xfd7zXZ\x00", "a damaged xz file"),
        (gzip.compress(b"PAR1" + bytes(60), mtime=0), "a Parquet file inside gz; unpack it first"),
        (gzip.compress(b"\x89HDF" + bytes(60), mtime=0), "an HDF5 file inside gz"),
        (b"%PDF-1.4", "a PDF"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"<!DOCTYPE html>\n<html>", "a web page"),
        (b"@relation x\n", "ARFF"),
        (b"ds,y\n2020-01-01,1\x00\n", "NUL bytes"),
        (b'ds,y\n2020-01-01,"1\n2020-01-02,2\n', "a quotation mark is opened and never closed"),
        (b"ds,y\n" + b"2020-01-01,1.5\n" * 400 + b"2020-01-02,\xff\n", "UTF-8, got the byte 0xff"),
    ],
)
def test_a_file_that_is_no_csv_is_called_what_it_is(tmp_path, content, message):
    file = tmp_path / "data"
    file.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_panel(file)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["[Content_Types].xml", "xl/workbook.xml"], "expected a workbook, got a damaged one"),
        (["mimetype", "content.xml"], "expected a workbook, got a damaged one"),
        (["a.csv", "b.csv"], r"one of 2 files \(a.csv, b.csv …\); unpack it first"),
        ([], "got one without a file"),
    ],
)
def test_archives_are_told_apart_by_what_they_hold(tmp_path, names, message):
    zipped(tmp_path / "data.csv", *names)
    with pytest.raises(DataError, match=message):
        read_panel(tmp_path / "data.csv")


def test_an_address_is_no_file():
    with pytest.raises(DataError, match="download the file first"):
        read_panel("https://example.org/data.csv")


@pytest.mark.parametrize(
    "data",
    [
        FRAME.set_index("ds"),
        FRAME.set_index("ds").rename_axis(None),
        FRAME.set_index("ds")["y"],
        FRAME.set_index("ds").rename_axis(None)["y"].rename(None),
        FRAME.set_index(FRAME.ds.astype(str).rename(None))[["y"]],
        FRAME.set_index(DAYS),
        FRAME.assign(ds=DAYS.date),
        FRAME.assign(ds=DAYS.as_unit("s")),
        FRAME.assign(y=VALUES.astype(str)),
        FRAME.assign(y=[str(v).replace(".", ",") for v in VALUES]),
        FRAME.assign(y=pd.Categorical([str(v).replace(".", ",") for v in VALUES])),
        FRAME.assign(y=pd.array([str(v).replace(".", ",") for v in VALUES], dtype="string")),
        FRAME.assign(y=pd.array(VALUES, dtype="Float64")),
        FRAME.assign(unique_id=pd.Categorical(["y"] * 40)),
    ],
)
def test_frames_as_they_come(data):
    (series,) = read_panel(data).series
    assert series.unique_id == "y"
    assert (series.ds == DAYS).all()
    np.testing.assert_array_equal(series.target, VALUES)


def test_periods_are_read_as_their_starts():
    periods = pd.period_range("2020-01", periods=40, freq="M")
    panel = read_panel(pd.DataFrame({"y": VALUES}, index=periods))
    assert (panel.series[0].ds == periods.to_timestamp()).all()
    assert read_panel(pd.DataFrame({"t": periods, "y": VALUES})).freq == "MS"


def test_levels_of_an_index_become_columns():
    data = pd.concat({"a": FRAME, "b": FRAME}, names=["unique_id", None])
    panel = read_panel(data.set_index("ds", append=True).droplevel(1))
    assert [s.unique_id for s in panel.series] == ["a", "b"]


def test_zones_of_a_frame():
    days = pd.date_range("2021-03-01", periods=40, tz="Europe/Berlin")
    panel = read_panel(pd.DataFrame({"y": VALUES}, index=days))
    assert (panel.freq, panel.utc, panel.series[0].ds[-1]) == (
        "D",
        False,
        pd.Timestamp("2021-04-09"),
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (FRAME.rename(columns={"y": 1}), r"column names of text, got 1; .*rename"),
        (pd.concat([FRAME, FRAME[["y"]]], axis=1), "distinct column names, got y twice"),
        (pd.concat({"a": FRAME}, axis=1), "one level of column names"),
        (FRAME.iloc[:0], "no rows"),
        (pd.DataFrame(), "expected a time column"),
        (FRAME[["y"]], "expected a time column"),
        (FRAME.assign(y=1j), "expected a number, got '1j'"),
        (FRAME.assign(y=pd.to_timedelta(VALUES, unit="h")), "expected a number"),
        (FRAME.assign(ds=DAYS.insert(0, pd.NaT)[:40]), "row 1: expected a time stamp, got nothing"),
        (VALUES, "expected the path of a CSV file or a data frame, got ndarray"),
        ({"ds": DAYS}, "got dict"),
        (None, "got NoneType"),
    ],
)
def test_what_is_no_usable_frame_is_refused_in_words(data, message):
    with pytest.raises(DataError, match=message):
        read_panel(data)


def test_a_flag_in_a_frame_is_no_covariate():
    panel = read_panel(FRAME.assign(open=[True, False] * 20), ReadOptions(target="y"))
    assert panel.covariates == ()
