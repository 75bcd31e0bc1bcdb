"""Live series: the numbers of predict and of anomalies, row by row, over restarts and gaps."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from glasscell.errors import DataError
from glasscell.tasks.forecast.anomalies import anomalies
from glasscell.tasks.forecast.clock import Clock
from glasscell.tasks.forecast.fitting import fit
from glasscell.tasks.forecast.live import Live
from glasscell.tasks.forecast.predict import predict

FAST = {"horizon": 3, "lookback": 6, "epochs": 1, "seeds": 1, "hidden_size": 2, "jobs": 1}
KINDS = {
    "conformal": {"calibration": "conformal"},
    "adaptive": {"calendar": ["weekday"], "covariates": ["x"], "target": "y"},
    "quantiles": {"predicts": "quantiles"},
    "student-t": {"predicts": "student-t", "gaps": "interpolate"},
}


def waves(rows, seed=0, names=("a", "b")):
    rng = np.random.default_rng(seed)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "unique_id": name,
                    "ds": pd.date_range("2020-01-01", periods=rows, freq="D"),
                    "y": 10 + np.sin(np.arange(rows) / 3) + 0.1 * rng.normal(size=rows),
                    "x": rng.normal(size=rows),
                }
            )
            for name in names
        ],
        ignore_index=True,
    )


@pytest.fixture(scope="module", params=KINDS)
def run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / request.param
    data = waves(300)
    data = data if request.param == "adaptive" else data.drop(columns="x")
    fit(data, folder, **FAST, **KINDS[request.param])
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "plain"
    fit(waves(300, names=("a",))[["ds", "y"]], folder, **FAST, calibration="conformal")
    return folder


def streamed(live, data):
    """Give what is told of every row, beside the row."""
    rows = [
        [row.unique_id, row.ds, *live.step({"y": row.y, "x": row.x}, row.unique_id, row.ds)]
        for row in data.itertuples()
    ]
    return pd.DataFrame(rows, columns=["unique_id", "ds", *live.columns])


def test_rows_are_judged_as_anomalies_judges_them(run):
    data = waves(120, seed=1).sort_values(["ds", "unique_id"])
    told = streamed(Live(run), data)
    both = anomalies(run, data).merge(told, on=["unique_id", "ds"], suffixes=("", "_live"))
    assert len(both) == 2 * (120 - 6)
    np.testing.assert_array_equal(both["expected"], both["forecast"])
    for name in ("lo", "hi", "p"):
        np.testing.assert_array_equal(both[name], both[f"{name}_live"].astype(float))
    assert (both["anomaly"] == both["anomaly_live"].astype(bool)).all()


def test_forecasts_are_those_of_predict(run):
    # From a lookback before the end of the fit on, so that both learn from the same rows.
    data = waves(330, seed=0)
    data = data[data["ds"] >= data["ds"][300 - 6]]
    told = streamed(Live(run, steps=3), data).groupby("unique_id").tail(1)
    expected = predict(run, data)
    for step in (1, 2, 3):
        of_step = expected[expected["horizon"] == step]
        name = "forecast" if step == 1 else f"forecast-{step}"
        for end in ("", "-lo-80", "-hi-80", "-lo-90", "-hi-90"):
            np.testing.assert_array_equal(told[f"{name}{end}"], of_step[f"forecast{end}"])


def test_a_restored_state_goes_on_to_the_same_bits(run, tmp_path):
    data = waves(60, seed=1).sort_values(["ds", "unique_id"])
    whole = streamed(Live(run, steps=2), data)
    first, second = Live(run, steps=2), Live(run, steps=2)
    begun = streamed(first, data[:70])
    first.rows = 70
    first.save(tmp_path / "state")
    second.restore(tmp_path / "state")
    assert (second.rows, len(second)) == (70, 2)
    pd.testing.assert_frame_equal(
        pd.concat([begun, streamed(second, data[70:])], ignore_index=True), whole
    )


def test_gaps_are_filled_as_the_run_fills_them(tmp_path):
    data = waves(300, names=("a",)).drop(columns="x")
    fit(data, tmp_path / "run", **FAST, gaps="interpolate", max_gap="3D")
    new = waves(60, seed=2, names=("a",))
    new = new.drop(index=[20, 21, 33, 40, 41, 42, 43]).reset_index(drop=True)
    told = streamed(Live(tmp_path / "run"), new)
    both = anomalies(tmp_path / "run", new).merge(told, on=["unique_id", "ds"], suffixes=("", "_"))
    np.testing.assert_allclose(both["expected"].astype(float), both["forecast"], rtol=1e-6)
    assert told["expected"].notna().sum() == len(both)
    one = predict(tmp_path / "run", new[:22]).iloc[0]
    assert told["forecast"][21] == pytest.approx(one["forecast"], rel=1e-6)


def test_a_gap_that_the_run_refuses_is_refused_and_passes(plain):
    live = Live(plain)
    y = np.sin(np.arange(40) / 3) + 10
    for row in range(10):
        live.step([y[row]])
    with pytest.raises(DataError, match=r"y is missing, which the run refuses.*6 whole rows"):
        live.step([None])
    told = [live.step([y[row]]) for row in range(11, 20)]
    assert [cells[5] is None for cells in told] == [True] * 5 + [False] * 4
    # A value after rows that did not come is refused once, and counts.
    timed = Live(plain)
    days = pd.date_range("2020-01-01", periods=40, freq="D").astype(str)
    for row in range(8):
        timed.step([y[row]], time=days[row])
    with pytest.raises(DataError, match="2 time steps before it is missing"):
        timed.step([y[10]], time=days[10])
    told = [timed.step([y[row]], time=days[row]) for row in range(11, 18)]
    assert [cells[5] is None for cells in told] == [True] * 4 + [False] * 3


@pytest.mark.parametrize(
    ("row", "time", "said"),
    [
        ([1.0, 2.0], None, "expected 1 number"),
        (["high"], None, "expected numbers"),
        ([np.inf], None, "finite"),
        ({"z": 1.0}, None, "found no y"),
        ([1.0], "soon", "expected a time"),
        ([1.0], "2020-01-05 07:00", "does not lie on the run's grid"),
        ([1.0], "2020-01-02", "the same time as the row before"),
        ([1.0], "2020-01-01", "before the row before"),
    ],
)
def test_rows_that_are_none_are_told_and_change_nothing(plain, row, time, said):
    live, other = Live(plain), Live(plain)
    for one in (live, other):
        one.step([9.0], time="2020-01-01")
        one.step([9.5], time="2020-01-02")
    with pytest.raises(DataError, match=said):
        live.step(row, time=time)
    rows = [(f"2020-01-{day:02d}", day / 10) for day in range(3, 20)]
    assert [live.step([y], time=t) for t, y in rows] == [other.step([y], time=t) for t, y in rows]


def test_a_new_series_is_scaled_by_its_first_rows(plain):
    live = Live(plain)
    rng = np.random.default_rng(0)
    told = [live.step([1e4 + 100 * rng.normal()], "new") for _ in range(12)]
    assert [cells[5] is None for cells in told] == [True] * 5 + [False] * 7
    assert 9e3 < told[-1][5] < 1.1e4


def test_options_that_cannot_be_are_told(plain):
    with pytest.raises(DataError, match="--steps: expected 1 to 3"):
        Live(plain, steps=4)
    with pytest.raises(DataError, match="--level"):
        Live(plain, level=[120])
    assert Live(plain, level=[]).columns == ("expected", "forecast")
    live = Live(plain, most=1)
    live.step([1.0], "a")
    with pytest.raises(DataError, match="at most 1 series"):
        live.step([1.0], "b")


def test_a_recursive_run_is_refused(tmp_path):
    data = waves(200, names=("a",))[["ds", "y"]]
    fit(data, tmp_path / "run", **FAST, strategy="recursive")
    with pytest.raises(DataError, match="--strategy recursive"):
        Live(tmp_path / "run")


def command(run, *more):
    return [sys.executable, "-m", "glasscell", "stream", str(run), *map(str, more)]


def test_a_killed_stream_goes_on_to_the_same_lines(plain, tmp_path):
    lines = waves(60, seed=1, names=("a",))[["ds", "y"]].to_csv(index=False)
    whole = subprocess.run(
        command(plain, "--steps", 2), input=lines, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    held = ("--state", tmp_path / "state", "--save-every", 1, "--skip-seen", "--steps", 2)
    with subprocess.Popen(
        command(plain, *held), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        first.stdin.write("\n".join(lines.splitlines()[:31]) + "\n")
        first.stdin.flush()
        begun = [first.stdout.readline().rstrip("\n") for _ in range(31)]
        os.kill(first.pid, signal.SIGKILL)
    later = subprocess.run(
        command(plain, *held), input=lines, capture_output=True, text=True, check=True
    )
    assert begun == whole[:31]
    # The state of row 30 may or may not have been written when the process was killed.
    rest = later.stdout.splitlines()[1:]
    assert rest in (whole[31:], whole[30:])
    table = pd.read_csv(io.StringIO("\n".join(whole)))
    assert list(table.columns[:6]) == ["row", "expected", "lo", "hi", "p", "anomaly"]


def test_a_stream_needs_numpy_alone(plain):
    code = (
        "import sys\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('torch', 'pandas', 'scipy', 'sklearn', 'narwhals'):\n"
        "            raise ImportError(f'{name} is blocked')\n"
        "sys.meta_path.insert(0, Block())\n"
        "from glasscell.tasks.forecast.live import Live\n"
        f"live = Live({str(plain)!r})\n"
        "print([live.step([float(k % 5)])[5] is None for k in range(8)])\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == str([True] * 5 + [False] * 3)


@pytest.mark.parametrize("freq", ["5min", "h", "D", "W-SUN", "MS", "ME", "QS-OCT", "YS", "B"])
def test_steps_are_counted_as_pandas_counts_them(freq):
    times = pd.date_range("2023-11-05", periods=9, freq=freq)
    clock = Clock(freq)
    read = [clock.read(time) for time in times]
    assert read == times.as_unit("ns").astype(np.int64).tolist()
    assert [clock.steps(read[0], later) for later in read] == list(range(9))
    assert clock.after(read[0], 8) == read[1:]
