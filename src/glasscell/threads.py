"""How many threads a call may use, and whose; and one thread of OpenBLAS alone for small work."""

from __future__ import annotations

import ctypes
import operator
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from glasscell import _core

__all__ = [
    "at_most",
    "cpu_info",
    "get_num_threads",
    "one_blas_thread",
    "set_num_threads",
    "thread_limit",
    "use_parallel_for",
]

_threads = 0  # 0: not set by the user


def set_num_threads(n: int) -> None:
    """Set how many threads a call may use.

    Args:
        n: Positive number of threads. Results are the same bits for any value.

    Raises:
        ValueError: If `n` is not positive.
        TypeError: If `n` is not an integer.

    Notes:
        Inside `glasscell.nn` the smaller of this and `torch.get_num_threads()` holds.

    Example:
        >>> set_num_threads(2)
        >>> get_num_threads()
        2
    """
    global _threads
    _threads = _positive("set_num_threads", n)


def get_num_threads() -> int:
    """Return how many threads a call may use.

    Returns:
        The value of `set_num_threads`, else of the environment's `GLASSCELL_NUM_THREADS`, else the
        CPUs that this process may use (its affinity mask, cut by the cgroup's quota).
    """
    if _threads:
        return _threads
    setting = os.environ.get("GLASSCELL_NUM_THREADS", "")
    if setting:
        if not setting.isdecimal() or int(setting) < 1:
            raise ValueError(
                f"GLASSCELL_NUM_THREADS: expected a positive number, got {setting!r}. "
                "Correct or unset it."
            )
        return int(setting)
    return _core.available_cpus()


_quota = _core.cpu_quota() or sys.maxsize


def at_most(n: int) -> int:
    """Cut another library's number of threads to what `set_num_threads` and the cgroup allow.

    Args:
        n: Threads that it would use itself.

    Example:
        >>> at_most(1)
        1
    """
    return min(n, _quota, _threads or n)


def use_parallel_for(address: int) -> None:
    """Run on another library's threads.

    Args:
        address: Of a C function `int f(int64 begin, int64 end, int64 grain, body, void *context)`
            that calls `body(begin, end, context)` on parts of the range; 0 for our own threads.

    Notes:
        Results are the same bits. `glasscell.nn` hands in torch's own loop, because torch's idle
        workers spin and a second pool beside them would wait for their cores.
    """
    _core.use_parallel_for(address)


def thread_limit(threads: int | None) -> int:
    """Give how many threads a call may use: `threads`, or the default if that is None."""
    return get_num_threads() if threads is None else _positive("threads", threads)


def _positive(name: str, n: Any) -> int:
    try:
        count = operator.index(n)
    except TypeError:
        raise TypeError(f"{name}: expected an integer, got {n!r}.") from None
    if count < 1:
        raise ValueError(f"{name}: expected a positive number of threads, got {n}.")
    return count


def cpu_info() -> dict[str, Any]:
    """Say what runs: instruction set in use, those available here, and threads.

    Example:
        >>> sorted(cpu_info())
        ['isa', 'isas', 'threads']
    """
    return {"isa": _core.isa, "isas": list(_core.isas), "threads": get_num_threads()}


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold NumPy's OpenBLAS at one thread; other libraries stay as they are.

    A QR decomposition of (128, 128) takes 0.7 ms with one thread and 6 ms with two on two busy
    cores, eigenvectors of (512, 512) 46 and 560 ms: the threads wait for each other.

    Notes:
        For the whole process, as OpenBLAS has it; the count before comes back at the end. Needs
        neither torch nor threadpoolctl, which a page that is made from a folder does without.
    """
    calls = _openblas()
    if calls is None:
        yield
        return
    get, put = calls
    before = int(get())
    put(1)
    try:
        yield
    finally:
        put(before)


def _openblas() -> tuple[Callable[..., Any], Callable[..., Any]] | None:
    """OpenBLAS's own two functions, looked up in the library that NumPy loaded."""
    numpy_core = getattr(np, "_core", None) or np.core  # numpy 2, numpy 1
    library = ctypes.CDLL(numpy_core._multiarray_umath.__file__)
    # NumPy's wheels prefix the names, and mark a build with 64-bit integers by a suffix.
    for prefix in ("scipy_openblas", "openblas"):
        for suffix in ("64_", ""):
            names = [f"{prefix}_{verb}_num_threads{suffix}" for verb in ("get", "set")]
            get, put = (getattr(library, name, None) for name in names)
            if get is not None and put is not None:
                return get, put
    return None
