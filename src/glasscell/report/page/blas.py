"""One thread for NumPy's BLAS while many small matrices are decomposed."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np

__all__ = ["one_thread"]

_STEMS: Final = ("scipy_openblas_{}_num_threads64_", "scipy_openblas_{}_num_threads",
                 "openblas_{}_num_threads64_", "openblas_{}_num_threads")  # fmt: skip


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold OpenBLAS at one thread; other libraries stay as they are.

    A QR decomposition of (128, 128) takes 0.7 ms with one thread and 6 ms with two on two busy
    cores, eigenvectors of (512, 512) 46 and 560 ms: the threads wait for each other.

    Notes:
        For the whole process, as OpenBLAS has it; the count before comes back at the end.
    """
    calls = _calls()
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


def _calls() -> tuple[Callable[..., Any], Callable[..., Any]] | None:
    """OpenBLAS's own two functions, found in the library that NumPy loaded."""
    core = getattr(np, "_core", None) or np.core
    library = ctypes.CDLL(core._multiarray_umath.__file__)
    for stem in _STEMS:
        found = [getattr(library, stem.format(what), None) for what in ("get", "set")]
        if found[0] is not None and found[1] is not None:
            return found[0], found[1]
    return None
