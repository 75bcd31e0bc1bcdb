"""Memory of large tapes, kept by a module from one training step to the next.

From 32 MB on, malloc takes memory from the system for each request and gives it back at each
release; the pages of a tape then cost a tenth to a third of a training step, again in every step.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["LARGE", "Tapes"]

LARGE = 32 << 20  # bytes: the largest that glibc's malloc keeps (DEFAULT_MMAP_THRESHOLD_MAX)


class Tapes(dict[str, npt.NDArray[Any]]):
    """One module's last large tape of each layer and direction, by suffix.

    A tape's memory is handed out again only once nobody holds a tensor or array over it: each of
    those holds the array here, and is seen in its reference count.
    """

    def take(self, suffix: str, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Make an uninitialised tensor.

        Args:
            suffix: of the layer and direction.
            shape: of the tensor.
            like: has its dtype.
        """
        size = math.prod(shape)
        if size * like.itemsize < LARGE:
            return like.new_empty(shape)
        dtype = np.float32 if like.dtype is torch.float32 else np.float64
        memory = self.pop(suffix, None)  # one thread alone gets it
        if memory is None or not _fits(memory, size, dtype) or sys.getrefcount(memory) > 2:
            memory = None  # before the next is made: the two would add up
            memory = np.empty(size, dtype)
        self[suffix] = memory
        return torch.from_numpy(memory[:size].reshape(shape))


def _fits(memory: npt.NDArray[Any], size: int, dtype: Any) -> bool:
    return memory.dtype == dtype and size <= memory.size <= size + size // 4
