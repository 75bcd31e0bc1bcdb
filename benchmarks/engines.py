"""Times forecasts of large tables: rows, seconds and the most memory, by engine.

python benchmarks/engines.py OUT.json [--rows 100000 1000000 10000000] [--engines local dask]

Each row of the table is a process of its own, whose peak memory is its VmHWM and, of an engine, the
sum over the processes that it started. The Parquet files are made beside OUT.json and deleted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pyarrow
import pyarrow.parquet as parquet

from glasscell.bench.machine import cpu

LENGTH = 1000
"""Rows of a series."""


def write(file: Path, rows: int) -> None:
    """Write series of hours with a day in them, sorted by name."""
    hours = pd.date_range("2023-01-01", periods=LENGTH, freq="h").to_numpy()
    rng = np.random.default_rng(0)
    writer = None
    for first in range(0, rows // LENGTH, 100):
        names = [f"series {n:06}" for n in range(first, min(first + 100, rows // LENGTH))]
        day = np.sin(np.arange(LENGTH) / 24 * 2 * np.pi)
        values = day + rng.normal(size=(len(names), LENGTH)) / 5
        table = pyarrow.table(
            {
                "unique_id": np.repeat(names, LENGTH),
                "ds": np.tile(hours, len(names)),
                "y": values.ravel(),
                "not_read": rng.normal(size=values.size),
            }
        )
        writer = writer or parquet.ParquetWriter(file, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


def one(run: str, file: str, engine: str) -> dict[str, float]:
    """Forecast in this process; what it took."""
    from glasscell.tasks.forecast.many import predict_parts

    me, peak, done = psutil.Process(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            others = [child for child in me.children(recursive=True) if child.is_running()]
            total = 0
            for process in others:
                try:
                    total += process.memory_info().rss
                except psutil.Error:
                    continue
            peak[0] = max(peak[0], total)

    thread = threading.Thread(target=watch)
    thread.start()
    cluster = None
    if engine == "dask":
        from distributed import LocalCluster

        cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
        engine = cluster.scheduler_address
    began = time.perf_counter()
    series = forecasts = 0
    total = 0.0
    for told in predict_parts(run, file, engine=engine):
        series += told["unique_id"].nunique()
        forecasts += len(told)
        total += float(told["forecast"].sum())
    seconds = time.perf_counter() - began
    if cluster is not None:
        cluster.close()
    done.set()
    thread.join()
    with Path("/proc/self/status").open() as status:
        own = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    return {
        "seconds": seconds,
        "series": series,
        "forecasts": forecasts,
        "sum": total,
        "peak_mib": own / 2**20,
        "peak_of_workers_mib": peak[0] / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out")
    parser.add_argument("--rows", type=int, nargs="+", default=[10**5, 10**6, 10**7])
    parser.add_argument("--engines", nargs="+", default=["local", "dask"])
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(one(*args.one)))
        return
    from glasscell.tasks.forecast.fitting import fit

    found = []
    with tempfile.TemporaryDirectory(dir=Path(args.out).resolve().parent) as folder:
        small = Path(folder) / "small.parquet"
        write(small, 20 * LENGTH)
        fit(small, f"{folder}/run", horizon=24, lookback=72, epochs=1, seeds=1, target="y",
            series="unique_id", covariates=[])  # fmt: skip
        for rows in args.rows:
            file = Path(folder) / f"{rows}.parquet"
            write(file, rows)
            for engine in args.engines:
                told = subprocess.run(
                    [
                        sys.executable,
                        __file__,
                        args.out,
                        "--one",
                        f"{folder}/run",
                        str(file),
                        engine,
                    ],
                    check=True,
                    stdout=subprocess.PIPE,
                    text=True,
                )
                size = file.stat().st_size / 2**20
                row = {"rows": rows, "engine": engine, "file_mib": size}
                found.append(row | json.loads(told.stdout.splitlines()[-1]))
                print({k: round(v, 2) if isinstance(v, float) else v for k, v in found[-1].items()})
            file.unlink()
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), **cpu()}
    Path(args.out).write_text(json.dumps({"machine": machine, "rows": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
