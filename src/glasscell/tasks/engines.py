"""Does one thing for every group of a table, on this machine or on an engine that is named.

On one machine joblib starts the processes; Dask, Ray and Spark are spoken to through Fugue. A task
whose worker dies is done again by Dask, Ray and Spark.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from importlib.util import find_spec
from typing import Any

import pandas as pd

from glasscell.errors import DataError, GlasscellError

LOCAL = "local"
NEEDS = {
    LOCAL: ("joblib",),
    "dask": ("fugue", "distributed"),
    "ray": ("fugue", "ray", "duckdb"),
    "spark": ("fugue", "pyspark"),
}
"""Engines that can be named, and the packages that each takes."""
CLUSTERS = ("tcp://", "tls://", "ucx://")
"""How the address of a scheduler of Dask begins."""

OfGroup = Callable[[pd.DataFrame], pd.DataFrame]


class EngineError(GlasscellError, RuntimeError):
    """An engine gave up, most often because its workers died."""


def require_engine(engine: Any) -> None:
    """Refuse an engine that is not known or not installed.

    Args:
        engine: Its name, the address of a Dask scheduler, or an engine, client or session that
            Fugue knows.

    Raises:
        DataError: It is not there.
    """
    if not isinstance(engine, str):
        name = "fugue"
        needed: tuple[str, ...] = ("fugue",)
    else:
        name = "dask" if engine.startswith(CLUSTERS) else engine
        if name not in NEEDS:
            raise DataError(
                f"--engine {engine!r}: expected {', '.join(NEEDS)}, or the address of a Dask "
                "scheduler such as tcp://host:8786"
            )
        needed = NEEDS[name]
    missing = [package for package in needed if find_spec(package) is None]
    if missing:
        extra = " or glasscell[engines]" if name in ("dask", "fugue") else ""
        raise DataError(
            f"--engine {name}: expected {' and '.join(needed)} to be installed, found no "
            f"{', '.join(missing)}; pip install {' '.join(missing)}{extra}, or leave --engine out"
        )


def one_by_one(
    function: OfGroup, frames: Iterable[pd.DataFrame], jobs: int | None = 1
) -> Iterator[pd.DataFrame]:
    """Do it for frames on this machine, in their order; only a few frames exist at a time.

    Args:
        function: What is done.
        frames: A frame for each call.
        jobs: Processes; None: one a core; 1: this one.

    Raises:
        EngineError: A process was killed.
    """
    if jobs == 1:
        yield from map(function, frames)
        return
    from joblib import Parallel, delayed  # type: ignore[import-untyped]
    from joblib.externals.loky.process_executor import (  # type: ignore[import-untyped]
        TerminatedWorkerError,
    )

    parallel = Parallel(n_jobs=jobs or -1, return_as="generator", pre_dispatch="n_jobs")
    try:
        yield from parallel(delayed(function)(frame) for frame in frames)
    except TerminatedWorkerError as error:
        raise EngineError(
            "a process was killed before it was done, most often for want of memory; take fewer "
            "--jobs; what is finished is kept, go on with --resume"
        ) from error


def on_engine(
    function: OfGroup,
    data: Any,
    by: str,
    engine: Any,
    groups: int,
    mark: OfGroup | None = None,
    columns: list[str] | None = None,
) -> Iterator[pd.DataFrame]:
    """Do it for every group of a table on an engine.

    Args:
        function: What is done with the rows of a group, in any order; its workers import glasscell.
        data: A frame, or the path of a Parquet file or folder that every worker reads.
        by: The column that names the groups.
        engine: As in `require_engine`.
        groups: How many groups there are.
        mark: What adds the column of whole numbers that names the groups; None: it is there.
        columns: Those of a file that are read; None: all.

    Returns:
        What each call gave, in no order.

    Raises:
        EngineError: The engine gave up.
        DataError: As the function raises it.
    """
    import fugue.api as fugue

    def of_group(frame: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"told": [_packed(function(frame))]})

    client: Any = nullcontext(engine)
    if isinstance(engine, str) and engine.startswith(CLUSTERS):
        from distributed import Client

        client = Client(engine)
    # Ray and Spark make hundreds of parts otherwise, each of them a process's work.
    partition = {"by": [by], "num": groups}
    try:
        with client as named, fugue.engine_context(named):
            table = data
            if isinstance(data, str):
                table = fugue.load(data, "parquet", columns=columns)
            if mark is not None:
                table = fugue.transform(table, mark, schema=f"*,{by}:long")
            done = fugue.transform(table, of_group, schema="told:str", partition=partition)
            told = fugue.as_pandas(done)
    except Exception as error:
        cause = _cause(error)
        if isinstance(cause, GlasscellError):
            raise cause from error
        said = f"{type(error).__name__}: {str(error).strip() or 'no reason'}".splitlines()[0]
        raise EngineError(
            f"--engine {engine if isinstance(engine, str) else type(engine).__name__}: gave up "
            f"({said:.200}); its workers' log says more, most often that memory ran out; what is "
            "finished is kept"
        ) from error
    return map(_unpacked, told["told"])


def _packed(frame: pd.DataFrame) -> str:
    """Write a frame as text that every engine passes on: types, zones and bits stay."""
    import pyarrow

    sink = pyarrow.BufferOutputStream()
    table = pyarrow.Table.from_pandas(frame, preserve_index=False)
    with pyarrow.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return base64.b64encode(sink.getvalue()).decode()


def _unpacked(text: str) -> pd.DataFrame:
    import pyarrow

    frame: pd.DataFrame = pyarrow.ipc.open_stream(base64.b64decode(text)).read_pandas()
    return frame


def _cause(error: BaseException) -> BaseException:
    """Give the error of ours that an engine wrapped, or the engine's own."""
    seen: list[BaseException] = []
    here: BaseException | None = error
    while here is not None and here not in seen:
        if isinstance(here, GlasscellError):
            return here
        seen.append(here)
        here = getattr(here, "cause", None) or here.__cause__ or here.__context__
    return error
