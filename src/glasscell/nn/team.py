"""One team of threads: the kernels run on torch's workers while torch is there."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import torch

from glasscell import engine

__all__ = ["join_torch", "threads"]

_LIBRARY = {"win32": "torch_cpu.dll", "darwin": "libtorch_cpu.dylib"}


def threads() -> int:
    """Give the threads that a call may use: torch's, or fewer if `glasscell` was told so."""
    return engine.at_most(torch.get_num_threads())


def join_torch() -> bool:
    """Hand torch's `torch_parallel_for` (its stable C interface) to the engine.

    Returns:
        Whether this torch has it; without it the kernels keep their own threads.
    """
    path = Path(torch.__file__).parent / "lib" / _LIBRARY.get(sys.platform, "libtorch_cpu.so")
    try:
        loop = ctypes.CDLL(str(path)).torch_parallel_for
    except (OSError, AttributeError):
        return False
    engine.use_parallel_for(ctypes.cast(loop, ctypes.c_void_p).value or 0)
    return True
