"""Does one thing for every group of a table, on this machine or on an engine that is named.

On one machine joblib starts the processes; Dask, Ray and Spark are spoken to through Fugue. A task
whose worker dies is done again by Dask, Ray and Spark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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
    function: OfGroup, data: Any, by: str, schema: str, engine: Any, groups: int
) -> pd.DataFrame:
    """Do it for every group of a table on an engine.

    Args:
        function: What is done with the rows of a group, in any order; its workers import glasscell.
        data: A frame, or the path of a Parquet file or folder that every worker reads.
        by: The column that names the groups.
        schema: What it gives, as Fugue writes columns: "unique_id:str,forecast:double".
        engine: As in `require_engine`.
        groups: How many groups there are.

    Returns:
        What the calls gave, in no order.

    Raises:
        EngineError: The engine gave up.
        DataError: As the function raises it.
    """
    import fugue.api as fugue

    def of_group(frame: pd.DataFrame) -> pd.DataFrame:
        return function(frame)

    if isinstance(engine, str) and engine.startswith(CLUSTERS):
        from distributed import Client

        engine = Client(engine)
    try:
        told: pd.DataFrame = fugue.transform(
            data,
            of_group,
            schema=schema,
            partition={"by": [by], "num": groups},
            engine=engine,
            as_local=True,
            as_fugue=False,
        )
    except Exception as error:
        cause = _cause(error)
        if isinstance(cause, DataError):
            raise cause from error
        raise EngineError(
            f"--engine {engine if isinstance(engine, str) else type(engine).__name__}: gave up "
            f"({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}); see "
            "the log of its workers, which die most often for want of memory; what is finished is "
            "kept"
        ) from error
    return told if isinstance(told, pd.DataFrame) else pd.DataFrame(told)


def _cause(error: BaseException) -> BaseException:
    """Give the error of ours that an engine wrapped, or the engine's own."""
    seen: list[BaseException] = []
    here: BaseException | None = error
    while here is not None and here not in seen:
        if isinstance(here, DataError):
            return here
        seen.append(here)
        here = getattr(here, "cause", None) or here.__cause__ or here.__context__
    return error
