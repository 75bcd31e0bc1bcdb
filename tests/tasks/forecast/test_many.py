"""Many groups and large tables, on processes and on a cluster that loses a worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import distributed
import numpy as np
import pandas as pd
import pytest
import ray

from glasscell.cli import main
from glasscell.errors import DataError
from glasscell.tasks.engines import EngineError, one_by_one, require_engine
from glasscell.tasks.forecast.fitting import fit
from glasscell.tasks.forecast.many import fit_groups, predict_parts
from glasscell.tasks.forecast.predict import predict

DAYS = pd.date_range("2024-01-01", periods=80)
SMALL = {"horizon": 3, "lookback": 7, "epochs": 1, "seeds": 1, "hidden_size": 4}


def made(series, rows=80):
    rng = np.random.default_rng(0)
    parts = [
        pd.DataFrame(
            {
                "unique_id": f"s{number:03}",
                "shop": "ab"[number % 2],
                "ds": DAYS[:rows],
                "y": np.sin(np.arange(rows) / 7 * 2 * np.pi + number) + rng.normal(size=rows) / 9,
                "note": "nothing",
            }
        )
        for number in range(series)
    ]
    return pd.concat(parts, ignore_index=True)


FRAME = made(12)
COLUMNS = {"series": "unique_id", "target": "y", "covariates": []}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("many") / "run"
    fit(FRAME, out, **SMALL, **COLUMNS)
    return out


@pytest.fixture(scope="module")
def expected(run):
    return predict(run, FRAME)


def whole(parts):
    return pd.concat(list(parts), ignore_index=True)


@pytest.mark.parametrize("order", ["unique_id", "ds"])
@pytest.mark.parametrize("rows", [1, 200, 10**6])
def test_a_parquet_file_is_forecast_some_series_at_a_time(tmp_path, run, expected, order, rows):
    FRAME.sort_values(order, kind="stable").to_parquet(tmp_path / "a.parquet", row_group_size=100)
    told = list(predict_parts(run, tmp_path / "a.parquet", rows=rows))
    assert len(told) == {1: 12, 200: 6, 10**6: 1}[rows]
    pd.testing.assert_frame_equal(whole(told), expected, check_exact=True)


def test_a_folder_of_parquet_is_forecast_on_several_processes(tmp_path, run, expected):
    FRAME.to_parquet(tmp_path / "parts", partition_cols=["shop"])
    told = predict_parts(run, tmp_path / "parts", rows=300, jobs=2)
    pd.testing.assert_frame_equal(whole(told), expected, check_exact=True)


@pytest.mark.parametrize(
    ("names", "reading"),
    [
        ({"ds": "when"}, {}),
        ({"y": "sold"}, {"target": "sold"}),
        (
            {"unique_id": "shop no", "ds": "when", "y": "sold"},
            {"series": "shop no", "time": "when", "target": "sold"},
        ),
    ],
)
def test_columns_may_have_other_names_than_those_of_the_run(
    tmp_path, run, expected, names, reading
):
    FRAME.rename(columns=names).to_parquet(tmp_path / "a.parquet")
    told = list(predict_parts(run, tmp_path / "a.parquet", rows=1, **reading))
    assert len(told) == 12
    pd.testing.assert_frame_equal(whole(told), expected, check_exact=True)


def test_series_that_are_too_short_do_not_stop_the_others(tmp_path, run, expected):
    short = pd.concat([FRAME, made(1, rows=3).assign(unique_id="short")])
    short.to_parquet(tmp_path / "a.parquet")
    heard = []
    told = whole(predict_parts(run, tmp_path / "a.parquet", rows=1, say=heard.append))
    pd.testing.assert_frame_equal(told, expected, check_exact=True)
    short[short.unique_id == "short"].to_parquet(tmp_path / "b.parquet")
    with pytest.raises(DataError, match="series 'short': expected at least 7 time steps"):
        whole(predict_parts(run, tmp_path / "b.parquet", rows=1))


def test_a_row_without_a_series_is_named(tmp_path, run):
    hole = FRAME.assign(unique_id=FRAME.unique_id.where(FRAME.index != 5))
    hole.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(
        DataError, match="row 6: expected a name in column 'unique_id', got nothing"
    ):
        whole(predict_parts(run, tmp_path / "a.parquet", rows=1))


def test_memory_stays_flat_whatever_the_file_holds(tmp_path, run):
    """A child forecasts 2 million rows; its peak is that of 200 thousand, but for some columns."""
    script = (
        "import sys, resource\n"
        "from glasscell.tasks.forecast.many import predict_parts\n"
        "rows = sum(len(p) for p in predict_parts(sys.argv[1], sys.argv[2], rows=50_000))\n"
        "print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    peaks = []
    for count in (250, 2500):
        file = tmp_path / f"{count}.parquet"
        write_large(file, count, 800)
        done = subprocess.run(
            [sys.executable, "-c", script, str(run), str(file)],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        rows, peak = map(int, done.stdout.split())
        assert rows == 3 * count
        peaks.append(peak)
    # Ten times the rows, 56 bytes each at least when all are read: 100 MB.
    assert peaks[1] - peaks[0] < 40_000, peaks


def write_large(file, series, rows):
    import pyarrow
    import pyarrow.parquet as parquet

    hours = pd.date_range("2020-01-01", periods=rows, freq="D")
    rng = np.random.default_rng(0)
    writer = None
    for first in range(0, series, 250):
        names = [f"s{number:05}" for number in range(first, first + 250)]
        table = pyarrow.table(
            {
                "unique_id": np.repeat(names, rows),
                "ds": np.tile(hours.to_numpy(), 250),
                "y": rng.normal(size=250 * rows),
            }
        )
        writer = writer or parquet.ParquetWriter(file, table.schema)
        writer.write_table(table, row_group_size=25_000)
    writer.close()


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", processes=True
    ) as cluster:
        yield cluster


class _KillsTheFirstAtWork(distributed.SchedulerPlugin):
    """Kills the process of the first worker that is given a task, with the task in its hands."""

    name = "kills the first at work"

    def __init__(self, scheduler):
        self.scheduler, self.victim = scheduler, None

    def transition(self, key, start, finish, *args, **kwargs):
        if finish == "processing" and self.victim is None:
            self.victim = self.scheduler.tasks[key].processing_on.pid
            os.kill(self.victim, signal.SIGKILL)


@pytest.mark.parametrize("kind", ["frame", "path"])
def test_dask_gives_the_bits_of_one_machine_though_a_worker_is_killed(
    tmp_path, run, expected, cluster, kind
):
    data = FRAME
    if kind == "path":
        data = str(tmp_path / "a.parquet")
        FRAME.to_parquet(data, row_group_size=200)
    with cluster.get_client() as client:
        client.wait_for_workers(2, timeout=120)
        killer = _KillsTheFirstAtWork(cluster.scheduler)
        cluster.scheduler.add_plugin(killer)
        told = whole(predict_parts(run, data, engine=cluster.scheduler_address))
        cluster.scheduler.remove_plugin(killer.name)
    assert killer.victim is not None
    pd.testing.assert_frame_equal(told, expected, check_exact=True)


@pytest.mark.filterwarnings("ignore:.*`use_.*` is deprecated:DeprecationWarning")
def test_ray_gives_the_bits_of_one_machine(run, expected):
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        told = whole(predict_parts(run, FRAME, engine="ray"))
    finally:
        ray.shutdown()
    pd.testing.assert_frame_equal(told, expected, check_exact=True)


def test_a_model_for_each_group_and_one_that_fails(tmp_path, capsys):
    frame = FRAME[FRAME.shop == "a"].assign(shop="north / 1")
    other = FRAME[FRAME.shop == "b"].assign(shop="b")
    broken = FRAME[:5].assign(shop="..")
    file = tmp_path / "a.csv"
    pd.concat([frame, other, broken]).to_csv(file, index=False)
    out = tmp_path / "runs"
    heard = []
    table = fit_groups(file, out, "shop", **SMALL, **COLUMNS, jobs=1, say=heard.append)
    assert list(table["group"]) == ["..", "b", "north / 1"]
    assert list(table["status"]) == ["failed", "fitted", "fitted"]
    assert len(heard) == 1
    assert "Group '..' failed: " in heard[0]
    alone = fit(
        other.drop(columns="shop").astype({"ds": str}), tmp_path / "alone", **SMALL, **COLUMNS
    )
    mine = json.loads((out / "b" / "metrics.json").read_text())
    assert mine["methods"][0] == alone.metrics()["methods"][0]
    model = (out / "b" / "model.safetensors").read_bytes()
    assert model == (tmp_path / "alone" / "model.safetensors").read_bytes()
    assert not [p for p in out.iterdir() if p.name.startswith(".")]
    assert pd.read_csv(out / "groups.csv").shape == table.shape
    with pytest.raises(DataError, match="is there: --resume keeps"):
        fit_groups(file, out, "shop", **SMALL, **COLUMNS)
    again = fit_groups(file, out, "shop", **SMALL, **COLUMNS, jobs=2, resume=True)
    assert list(again["status"]) == ["failed", "kept", "kept"]
    assert (out / "b" / "model.safetensors").read_bytes() == model


def test_every_group_failing_is_an_error(tmp_path):
    with pytest.raises(DataError, match="all 2 groups failed, first 'a': "):
        fit_groups(FRAME[::40], tmp_path / "runs", "shop", **SMALL, **COLUMNS, jobs=1)
    with pytest.raises(DataError, match="--per-group 'town': expected a column, the table has"):
        fit_groups(FRAME, tmp_path / "other", "town")


def test_dask_fits_the_groups_that_one_machine_fits(tmp_path, cluster):
    expected = fit_groups(FRAME, tmp_path / "a", "shop", **SMALL, **COLUMNS, baselines=[], jobs=1)
    engine = cluster.scheduler_address
    table = fit_groups(
        FRAME, tmp_path / "b", "shop", **SMALL, **COLUMNS, baselines=[], engine=engine
    )
    columns = [name for name in table if name != "seconds"]
    pd.testing.assert_frame_equal(table[columns], expected[columns])
    for name in ("a", "b"):
        one, other = (tmp_path / k / name / "model.safetensors" for k in "ab")
        assert one.read_bytes() == other.read_bytes()


def test_the_command_line(tmp_path, run, expected, capsys):
    FRAME.to_parquet(tmp_path / "a.parquet")
    out = tmp_path / "told.csv"
    assert main(["predict", str(run), str(tmp_path / "a.parquet"), "--out", str(out)]) == 0
    told = pd.read_csv(out, parse_dates=["ds"])
    pd.testing.assert_frame_equal(told, expected, check_dtype=False)
    flags = ["--horizon", "3", "--lookback", "7", "--epochs", "1", "--seeds", "1", "--target", "y"]
    fit_it = ["fit", str(tmp_path / "a.parquet"), "--out", str(tmp_path / "runs"), "--per-group"]
    assert main([*fit_it, "shop", *flags, "--covariates", "[]", "--jobs", "1"]) == 0
    assert "2 runs of 2: " in capsys.readouterr().out
    assert main([*fit_it, "shop", *flags, "--engine", "sparks"]) == 2
    assert "--engine 'sparks': expected local, dask, ray, spark" in capsys.readouterr().err


def test_an_engine_that_is_not_there_is_named(monkeypatch):
    from glasscell.tasks import engines

    monkeypatch.setattr(engines, "find_spec", lambda name: None if name == "pyspark" else 1)
    with pytest.raises(DataError, match="found no pyspark; pip install pyspark, or leave"):
        require_engine("spark")
    require_engine("dask")


def test_a_process_that_dies_is_said():
    def killed(frame):
        os.kill(os.getpid(), signal.SIGKILL)
        return frame

    with pytest.raises(EngineError, match=r"a process was killed .*--jobs"):
        list(one_by_one(killed, iter([FRAME[:2], FRAME[2:4]]), jobs=2))
