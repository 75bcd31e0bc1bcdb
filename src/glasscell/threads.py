"""How many threads a call may use, and whose."""

from __future__ import annotations

import operator
import os
import sys
from typing import Any

from glasscell import _core

__all__ = [
    "at_most",
    "cpu_info",
    "get_num_threads",
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
    _threads = _thread_count("set_num_threads", n)


def get_num_threads() -> int:
    """Return how many threads a call may use.

    Returns:
        The value of `set_num_threads`, else of the environment's `GLASSCELL_NUM_THREADS`, else the
        CPUs that this process may use (its affinity mask, cut by the cgroup's quota).
    """
    if _threads:
        return _threads
    asked = os.environ.get("GLASSCELL_NUM_THREADS", "")
    if asked:
        if not asked.isdecimal() or int(asked) < 1:
            raise ValueError(
                f"GLASSCELL_NUM_THREADS: expected a positive number, got {asked!r}. "
                "Correct or unset it."
            )
        return int(asked)
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
    """Give how many threads a call may use that was asked for `threads`, None for the default."""
    return get_num_threads() if threads is None else _thread_count("threads", threads)


def cpu_info() -> dict[str, Any]:
    """Say what runs: instruction set in use, those available here, and threads.

    Example:
        >>> sorted(cpu_info())
        ['isa', 'isas', 'threads']
    """
    return {"isa": _core.isa, "isas": list(_core.isas), "threads": get_num_threads()}


def _thread_count(name: str, n: Any) -> int:
    try:
        count = operator.index(n)
    except TypeError:
        raise TypeError(f"{name}: expected an integer, got {n!r}.") from None
    if count < 1:
        raise ValueError(f"{name}: expected a positive number of threads, got {n}.")
    return count
