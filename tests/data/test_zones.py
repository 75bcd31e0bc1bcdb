"""Local times that clocks repeat or skip: pandas' own zones are the independent word on them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars
import pyarrow
import pytest

from glasscell.data.read import ReadOptions, read_panel
from glasscell.data.read_options import GapRule
from glasscell.errors import DataError

BERLIN = "Europe/Berlin"
HOURS = pd.date_range("2021-01-01", "2021-12-31 23:00", freq="h", tz=BERLIN)
LOAD = np.arange(len(HOURS)) % 24 + 1.0
LOCAL = pd.DataFrame({"ds": HOURS.tz_localize(None).astype(str), "y": LOAD})
SKIPPED = pd.DataFrame({"ds": ["2021-03-28 02:00:00"], "y": [0.0]})
EVEN = pd.concat([LOCAL.drop_duplicates("ds"), SKIPPED]).sort_values("ds")
"""Twenty-four hours on every day, as many exports have."""


def read(frame, **options):
    return read_panel(frame, ReadOptions(**options))


@pytest.mark.parametrize("zone", [BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo"])
@pytest.mark.parametrize("step", ["15min", "30min", "h", "2h", "3h"])
def test_local_times_of_a_year_are_the_moments_that_pandas_says(zone, step):
    moments = pd.date_range("2021-01-01", "2022-01-01", freq=step, tz=zone)
    values = np.arange(float(len(moments)))
    for order in (slice(None), slice(None, None, -1)):
        local = pd.DataFrame({"ds": moments.tz_localize(None).astype(str), "y": values})[order]
        panel = read(local, time_zone=zone)
        (series,) = panel.series
        assert (panel.utc, panel.zone) == (True, zone)
        assert (series.ds == moments.tz_convert("UTC").tz_localize(None)).all()
        np.testing.assert_array_equal(series.target, values)
        assert (panel.clock(series.ds) == moments.tz_localize(None)).all()
        assert (panel.stamps(series.ds) == moments).all()
        assert str(panel.stamps(series.ds).tz) == zone


def test_each_series_repeats_its_own_hour():
    both = pd.concat([LOCAL.assign(unique_id="a"), LOCAL.assign(unique_id="b")])
    panel = read(both.sort_values(["ds", "unique_id"], kind="stable"), time_zone=BERLIN)
    for series in panel.series:
        np.testing.assert_array_equal(series.target, LOAD)


def test_without_a_zone_the_messages_name_the_option():
    with pytest.raises(DataError, match=r"2021-10-31 02:00.*summer time ends.*--time-zone"):
        read(LOCAL)
    with pytest.raises(DataError, match=r"2021-03-28 02:00.*summer time begins.*--time-zone"):
        read(LOCAL[LOCAL.ds < "2021-09"])


def test_an_hour_that_no_clock_showed_is_refused_or_left_out_by_policy():
    with pytest.raises(DataError, match=r"row 2067: 2021-03-28 02:00:00 was never shown.*drop"):
        read(EVEN, time_zone=BERLIN)
    with pytest.raises(DataError, match=r"no value, first 2021-10-31 02:00:00\+01:00"):
        read(EVEN, time_zone=BERLIN, clock_change="drop")
    fill = GapRule("interpolate")
    panel = read(EVEN, time_zone=BERLIN, clock_change="drop", gaps=fill)
    (series,) = panel.series
    assert (series.ds == HOURS.tz_convert("UTC").tz_localize(None)).all()
    assert any("skipped was left out" in note for note in panel.notes)
    assert any("2021-10-31 02:00:00 …), read as the first unless" in note for note in panel.notes)
    hole = np.flatnonzero(~series.measured)
    assert list(series.ds[hole]) == [pd.Timestamp("2021-10-31 01:00")]
    beside = series.target[[hole[0] - 1, hole[0] + 1]]
    np.testing.assert_array_equal(series.target[hole], beside.mean())


def test_days_and_clock_steps_stay_on_the_clock():
    days = pd.date_range("2021-01-01", periods=400)
    panel = read(pd.DataFrame({"ds": days, "y": np.arange(400.0)}), time_zone=BERLIN)
    assert (panel.freq, panel.utc, panel.zone) == ("D", False, BERLIN)
    assert (panel.stamps(panel.series[0].ds) == days).all()
    six = pd.date_range("2021-01-01", periods=1600, freq="6h")
    panel = read(pd.DataFrame({"ds": six, "y": np.arange(1600.0)}), time_zone=BERLIN)
    assert (panel.freq, panel.utc) == ("6h", False)


def test_days_are_averaged_by_the_clock():
    panel = read(LOCAL, time_zone=BERLIN, resample=True, freq="D")
    expected = pd.Series(LOAD, HOURS).resample("D").mean()
    assert (panel.series[0].ds == expected.index.tz_localize(None)).all()
    np.testing.assert_allclose(panel.series[0].target, expected, rtol=1e-12)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_frame_with_a_zone_says_it_and_a_run_keeps_it(library):
    frame = pd.DataFrame({"ds": HOURS, "y": LOAD})
    if library == "polars":
        frame = polars.DataFrame({"ds": HOURS, "y": LOAD})
    if library == "pyarrow":
        frame = pyarrow.Table.from_pandas(frame)
    panel = read(frame)
    assert (panel.utc, panel.zone, panel.detected) == (True, BERLIN, {"time_zone": BERLIN})
    assert (panel.stamps(panel.series[0].ds) == HOURS).all()


def test_offsets_are_told_in_the_zone_that_is_named_or_in_their_own():
    written = pd.DataFrame({"ds": HOURS.map(str), "y": LOAD})
    assert read(written).zone is None
    panel = read(written, time_zone=BERLIN)
    assert (panel.stamps(panel.series[0].ds) == HOURS).all()
    winter = written.iloc[:1000]
    assert read(winter).zone == "+01:00"
    stamps = read(winter).stamps(read(winter).series[0].ds)
    assert [str(stamp) for stamp in stamps] == list(winter.ds)


@pytest.mark.parametrize(
    ("zone", "message"),
    [
        ("Europe/Berln", "got 'Europe/Berln'; did you mean Europe/Berlin"),
        ("new york", "did you mean America/New_York"),
        ("qqq", "such as Europe/Berlin"),
    ],
)
def test_what_is_no_zone_is_refused(zone, message):
    with pytest.raises(DataError, match=message):
        read(LOCAL, time_zone=zone)


def test_step_numbers_have_no_zone():
    with pytest.raises(DataError, match="whole numbers for times"):
        read(pd.DataFrame({"ds": range(50), "y": np.arange(50.0)}), time_zone=BERLIN)
