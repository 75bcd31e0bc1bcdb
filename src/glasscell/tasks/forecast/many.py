"""Many models and many frames: a fit for each group, and forecasts of tables larger than memory."""

from __future__ import annotations

import json
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from glasscell.data.parquet import ParquetParts
from glasscell.data.rawtable import Source
from glasscell.data.readers import open_source
from glasscell.data.wording import count, few
from glasscell.errors import DataError, GlasscellError
from glasscell.files import draft
from glasscell.tasks.engines import LOCAL, on_engine, one_by_one, require_engine
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.predict import Forecaster
from glasscell.training import run_folder

ROWS = 1_000_000
"""Rows of a table that are forecast at a time."""
TABLE = "groups.csv"
PART = "glasscell_part"
"""The column of an engine's table that says which rows go together."""
NEEDED = ("config.json", "model.safetensors", run_folder.PREPROCESSING)
"""What a run needs to forecast; .npz files beside them go along."""


def fit_groups(
    data: Any,
    out: str | os.PathLike[str],
    by: str,
    options: ForecastOptions | None = None,
    *,
    engine: Any = LOCAL,
    jobs: int | None = None,
    force: bool = False,
    resume: bool = False,
    say: Callable[[str], None] | None = None,
    **changes: Any,
) -> pd.DataFrame:
    """Fit a model for each group of a table, each a run folder of its own below one folder.

    Args:
        data: Path of a table or a frame, as `fit` takes it.
        out: The folder; each run is a folder in it, named as the group.
        by: The column that names the groups.
        options: Options of every fit; None: the defaults.
        engine: "local"; "dask", "ray" or "spark"; the address of a Dask scheduler; or an engine,
            client or session that Fugue knows. The workers need glasscell, torch, and `out` on a
            disk that all of them share.
        jobs: Processes of the local engine; None: one a core.
        force: Fit anew what is there; default False.
        resume: Keep runs that are finished and go on with the others; default False.
        say: Called with a sentence on each group that failed; None: silent.
        **changes: Single options by name.

    Returns:
        A frame with a row for each group: group, status ("fitted", "kept" or "failed"), folder,
        seconds, the MAE of each method, the verdict, and the error of what failed. It is
        groups.csv too.

    Raises:
        DataError: There is no such column, the folder is there, or every group failed.
        EngineError: The engine gave up; finished runs stay for `resume`.
    """
    require_engine(engine)
    settings = replace(options or ForecastOptions(), **changes)
    source = open_source(data, settings.sheet)
    if by not in source.names:
        raise DataError(
            f"--per-group {by!r}: expected a column, the table has {few(list(source.names))}"
        )
    folder = Path(out)
    if folder.exists() and any(folder.iterdir()) and not (force or resume):
        raise DataError(
            f"{folder} is there: --resume keeps what is finished in it, --force fits all anew"
        )
    folder.mkdir(parents=True, exist_ok=True)
    place, record = str(folder.resolve()), replace(settings, sheet=None).record()

    def of_group(frame: pd.DataFrame) -> pd.DataFrame:
        return _fitted(frame, by, place, record, force, resume)

    if engine == LOCAL:
        told = list(one_by_one(of_group, _groups(source, by), jobs))
    else:
        whole = _whole(source, list(source.names))
        columns = "group:str,status:str,folder:str,seconds:double,scores:str,verdict:str,error:str"
        told = [on_engine(of_group, whole, by, columns, engine, whole[by].nunique())]
    table = pd.concat(told, ignore_index=True).sort_values("group", ignore_index=True)
    scores = pd.DataFrame([json.loads(text) for text in table.pop("scores")], table.index)
    table = pd.concat([table.iloc[:, :4], scores.add_prefix("mae "), table.iloc[:, 4:]], axis=1)
    with draft(folder / TABLE) as file:
        table.to_csv(file, index=False)
    failed = table[table["status"] == "failed"]
    for row in failed.itertuples():
        (say or (lambda _: None))(f"Group {row.group!r} failed: {row.error}")
    if len(failed) == len(table):
        raise DataError(
            f"all {count(len(table), 'group')} failed, first {failed['group'].iloc[0]!r}: "
            f"{failed['error'].iloc[0]}"
        )
    return table


def _fitted(
    frame: pd.DataFrame, by: str, out: str, record: dict[str, Any], force: bool, resume: bool
) -> pd.DataFrame:
    """Fit one group where it is; what fails is told, not raised, so that the others go on."""
    from glasscell.tasks.forecast.fitting import fit

    group = str(frame[by].iloc[0])
    name = quote(group, safe=" ,;=+()&") if group.strip(".") else group.replace(".", "%2E")
    run = Path(out) / name
    finished = (run / run_folder.METRICS).is_file()
    status, error = "kept" if finished and resume else "fitted", ""
    if status == "fitted":
        rows = frame.drop(columns=[by, *({ORDER} & set(frame))])
        if ORDER in frame:
            rows = rows.loc[frame[ORDER].sort_values().index]
        try:
            more = {"force": force, "resume": resume, "jobs": 1}
            fit(rows.reset_index(drop=True), run, ForecastOptions(**record), **more)
        except GlasscellError as problem:
            status, error = "failed", str(problem)
    metrics = {"seconds": np.nan, "methods": [], "verdict": ""}
    if status != "failed":
        metrics = json.loads((run / run_folder.METRICS).read_text(encoding="utf-8"))
    return pd.DataFrame(
        {
            "group": [group],
            "status": [status],
            "folder": [name],
            "seconds": [float(metrics["seconds"])],
            "scores": [json.dumps({m["name"]: m["mae"] for m in metrics["methods"]})],
            "verdict": [str(metrics["verdict"])],
            "error": [error],
        }
    )


ORDER = "glasscell_row"
"""The column that keeps the order of rows on an engine: clocks that repeat an hour need it."""


def _whole(source: Source, columns: list[str]) -> pd.DataFrame:
    """Read columns as they are, with their order."""
    table = source.body([], columns)
    frame = pd.DataFrame({name: table.columns[name] for name in columns})
    return frame.assign(**{ORDER: np.arange(len(frame))})


def _groups(source: Source, by: str) -> Iterator[pd.DataFrame]:
    others = [name for name in source.names if name != by]
    if isinstance(source, ParquetParts):
        yield from source.groups(by, others, rows=1)
        return
    frame = _whole(source, list(source.names)).drop(columns=ORDER)
    for _, rows in frame.groupby(by, sort=True, observed=True):
        yield rows


def predict_parts(
    run: str | os.PathLike[str],
    data: Any,
    *,
    engine: Any = LOCAL,
    jobs: int | None = 1,
    rows: int = ROWS,
    say: Callable[[str], None] | None = None,
    **reading: Any,
) -> Iterator[pd.DataFrame]:
    """Forecast a table of many series, some series at a time, so that memory stays flat.

    Args:
        run: A run folder written by `fit`.
        data: Path of a Parquet file or folder, which is never in memory as a whole, or any table.
        engine: As in `fit_groups`; the workers need NumPy, pandas and glasscell, neither torch nor
            the run folder.
        jobs: Processes of the local engine; default 1; None: one a core.
        rows: About as many rows as are forecast at a time.
        say: Called with each sentence on what was done; None: silent.
        **reading: As `predict` takes them.

    Yields:
        Frames as `predict` gives them, with the same bits, for some series each.

    Raises:
        DataError: As `predict`.
        EngineError: The engine gave up.

    Notes:
        Forecasts come in the order of the series' names; of an engine all at once.
    """
    require_engine(engine)
    forecaster = Forecaster.load(run)
    settings = forecaster.settings
    source = open_source(data, reading.get("sheet"))
    series = reading.get("series") or settings["columns"]["series"]
    if series is None or series not in source.names:
        yield forecaster.predict(source, say=say, **reading)
        return
    columns = _columns(source, settings, reading)
    carried = _carried(Path(run))

    def of_frame(frame: pd.DataFrame) -> pd.DataFrame:
        return _forecast(frame, carried, reading)

    if engine != LOCAL:
        frame = _whole(source, columns)
        names = frame[series].astype(str)
        parts = max(1, len(frame) // rows, 4)
        frame[PART] = names.map(lambda name: zlib.crc32(name.encode()) % parts).astype(np.int64)
        schema = "ds:long,zone:str," + _schema(forecaster, reading)
        told = on_engine(of_frame, frame, PART, schema, engine, parts)
        yield _unpacked(told.sort_values(["unique_id", "horizon"], ignore_index=True))
        return
    if isinstance(source, ParquetParts):
        frames = source.groups(series, [name for name in columns if name != series], rows)
    else:
        frames = iter([_whole(source, columns)])
    for told in one_by_one(of_frame, frames, jobs):
        yield _unpacked(told)


def _columns(source: Source, settings: dict[str, Any], reading: dict[str, Any]) -> list[str]:
    """Give the columns of a table that a forecast reads."""
    known = json.dumps([settings["columns"], settings.get("ahead", {})])
    named = {str(value) for value in reading.values()} | set(settings["columns"]["time"].split(","))
    return [name for name in source.names if name in named or json.dumps(name) in known]


def _carried(run: Path) -> dict[str, bytes]:
    """Give the files of a run that a forecast needs, so that workers need no shared disk."""
    shown = (run_folder.WINDOWS, run_folder.FORECASTS, run_folder.FILM)
    more = [file for file in run.glob("*.npz") if file.name not in shown]
    return {path.name: path.read_bytes() for path in (*(run / name for name in NEEDED), *more)}


@cache
def _loaded(files: tuple[tuple[str, bytes], ...]) -> Forecaster:
    """Load a run that was carried, once a process."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files:
            (Path(folder) / name).write_bytes(content)
        return Forecaster.load(folder)


def _forecast(
    frame: pd.DataFrame, carried: dict[str, bytes], reading: dict[str, Any]
) -> pd.DataFrame:
    """Forecast the series of a frame; times as numbers, so that every engine passes them on."""
    if ORDER in frame:
        frame = frame.sort_values(ORDER, ignore_index=True)
    kept = [name for name in frame if name not in (ORDER, PART)]
    said = {name: value for name, value in reading.items() if name != "sheet"}
    told = _loaded(tuple(sorted(carried.items()))).predict(frame[kept], **said)
    times = told["ds"]
    zone = ""
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        zone, times = str(times.dt.tz), times.dt.tz_convert("UTC").dt.tz_localize(None)
    elif not pd.api.types.is_datetime64_any_dtype(times.dtype):
        zone = "#"
    return told.assign(ds=times.astype("datetime64[ns]" if zone != "#" else np.int64).astype(np.int64), zone=zone)


def _unpacked(told: pd.DataFrame) -> pd.DataFrame:
    """Make times of the numbers that `_forecast` gave."""
    zones = told["zone"].unique()
    times = told["ds"].astype(np.int64)
    if zones[0] != "#":
        times = pd.to_datetime(times, unit="ns")
    if zones[0] not in ("#", ""):
        times = times.dt.tz_localize("UTC").dt.tz_convert(zones[0])
    return told.assign(ds=times).drop(columns="zone")
