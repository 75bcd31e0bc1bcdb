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
from glasscell.tasks.engines import LOCAL, OfGroup, on_engine, one_by_one, require_engine
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.predict import Forecaster, NothingToForecastError
from glasscell.training import run_folder

ROWS = 1_000_000
"""Rows of a table that are forecast at a time."""
LEAST_PARTS = 4
"""Parts that a table is cut into at least for an engine."""
TABLE = "groups.csv"
ORDER = "glasscell_row"
"""The column that keeps the order of rows on an engine: clocks that repeat an hour need it."""
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
        told = one_by_one(of_group, _groups(source, by), jobs)
    else:
        table = _for_engine(source, list(source.names), data, settings.time_zone)
        names = open_source(table).body([], [by]).labels(by)[0]
        told = on_engine(of_group, table, by, engine, len(names))
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
            chosen = ForecastOptions(**record)
            fit(rows.reset_index(drop=True), run, chosen, force=force, resume=resume, jobs=1)
        except GlasscellError as problem:
            status, error = "failed", str(problem)
    metrics: dict[str, Any] = {"seconds": np.nan, "methods": [], "verdict": ""}
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


def _whole(source: Source, columns: list[str]) -> pd.DataFrame:
    """Read columns as they are."""
    table = source.body([], columns)
    return pd.DataFrame({name: table.columns[name] for name in columns})


def _for_engine(source: Source, columns: list[str], data: Any, zone: str | None) -> Any:
    """Give what an engine reads itself, a path, or a frame with the order of its rows.

    Raises:
        DataError: The order tells which of two equal times is the first, and would be lost.
    """
    if isinstance(source, ParquetParts) and zone and not source.zones:
        raise DataError(
            "--engine: expected times with offsets or a zone in the Parquet file, as an engine "
            "keeps no order of rows that tells an hour repeated by clocks; write them, or leave "
            "--engine out"
        )
    plain = isinstance(source, ParquetParts) and not source.stored and not any(source.fixed)
    if plain and isinstance(data, str | os.PathLike):
        return str(Path(data).resolve())
    frame = _whole(source, columns)
    for name, cells in frame.items():
        if isinstance(cells.dtype, pd.CategoricalDtype):
            frame[name] = cells.astype(object)
    return frame.assign(**{ORDER: np.arange(len(frame))})


def _groups(source: Source, by: str) -> Iterator[pd.DataFrame]:
    others = [name for name in source.names if name != by]
    if isinstance(source, ParquetParts):
        yield from source.groups(by, others, rows=1)
        return
    frame = _whole(source, list(source.names))
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
        say: Called with each sentence on what was done; None: silent. Other processes are.
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
    large = isinstance(source, ParquetParts) and source.rows > rows
    if series is None or series not in source.names or not (large or engine != LOCAL):
        yield forecaster.predict(source, say=say, **reading)
        return
    tell = say if engine == LOCAL and jobs == 1 else None
    columns = _columns(source, settings, reading)
    carried = _carried(Path(run))
    said = {name: value for name, value in reading.items() if name != "sheet"}
    if said.get("future") is not None:
        future = open_source(said["future"])
        said["future"] = _whole(future, list(future.names))

    def of_frame(frame: pd.DataFrame) -> pd.DataFrame:
        return _forecast(frame, carried, said, series, tell)

    if engine != LOCAL:
        table = _for_engine(source, columns, data, settings.get("reading", {}).get("time_zone"))
        parts = max(1, _rows(source) // rows)
        told = list(_by_engine(of_frame, table, series, engine, parts, columns))
        if told:
            whole = pd.concat(told, ignore_index=True)
            yield whole.sort_values(["unique_id", "horizon"], ignore_index=True)
        else:
            _require_some(source, forecaster, reading)
        return
    assert isinstance(source, ParquetParts)
    frames = source.groups(series, [name for name in columns if name != series], rows)
    there = False
    for forecasts in one_by_one(of_frame, frames, jobs):
        if len(forecasts):
            there = True
            yield forecasts
    if not there:
        _require_some(source, forecaster, reading)


def _by_engine(
    function: OfGroup, table: Any, series: str, engine: Any, parts: int, columns: list[str]
) -> Iterator[pd.DataFrame]:
    """Forecast on an engine: series whose names have the same checksum go together."""
    parts = max(parts, LEAST_PARTS)

    def marked(frame: pd.DataFrame) -> pd.DataFrame:
        codes = [zlib.crc32(str(name).encode()) % parts for name in frame[series]]
        return frame.assign(**{PART: np.array(codes, np.int64)})

    return filter(len, on_engine(function, table, PART, engine, parts, marked, columns))


def _rows(source: Source) -> int:
    if isinstance(source, ParquetParts):
        return source.rows
    return len(source.body([], source.names[:1]).columns[source.names[0]])


def _require_some(source: Source, forecaster: Forecaster, reading: dict[str, Any]) -> None:
    """Say why no series of a table can be forecast."""
    forecaster.predict(source, **reading)


def _columns(source: Source, settings: dict[str, Any], reading: dict[str, Any]) -> list[str]:
    """Give the columns of a table that a forecast reads."""
    names, time = set(source.names), reading.get("time") or settings["columns"]["time"]
    targets = {reading.get("target"), *settings["columns"]["targets"]}
    if not (time in names or set(time.split(",")) <= names) or not targets & names:
        return list(source.names)  # the reader finds them, as in `predict`
    known = json.dumps([settings["columns"], settings.get("ahead", {})])
    named = {str(value) for value in reading.values()} | set(time.split(","))
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
    frame: pd.DataFrame,
    carried: dict[str, bytes],
    said: dict[str, Any],
    series: str,
    say: Callable[[str], None] | None,
) -> pd.DataFrame:
    """Forecast the series of a frame; nothing where all of them are too short."""
    if ORDER in frame:
        frame = frame.sort_values(ORDER, ignore_index=True)
    kept = [name for name in frame if name not in (ORDER, PART)]
    if said.get("future") is not None:
        future = said["future"]
        said = {**said, "future": future[future[series].isin(frame[series].unique())]}
    try:
        return _loaded(tuple(sorted(carried.items()))).predict(frame[kept], say=say, **said)
    except NothingToForecastError:
        return pd.DataFrame({"unique_id": []})
