"""Memory of large tapes, kept by a module from one training step to the next.

malloc may give megabytes back to the system at each release; each 4 KB of the next tape then costs
a page fault, 1 to 2 µs on a virtual machine: half of a training step at T = 100, B = 32, H = 64.
"""

from __future__ import annotations

import math
import sys

import numpy as np
import torch
from torch import Tensor

from glasscell.arrays import Array

__all__ = ["LARGE", "Tapes"]

LARGE = 1 << 20  # bytes
_HUGE = 2 << 20  # bytes of a large page
_ASKS = 4 << 20  # bytes from which NumPy asks the system for large pages


class Tapes(dict[str, Array]):
    """One module's last large tape of each layer and direction, by suffix.

    A tape's memory is handed out again only once nobody holds a tensor or array over it: all of
    those hold the one array that is here, and are seen in its reference count.
    """

    def take(self, suffix: str, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Make an uninitialised tensor.

        Args:
            suffix: of the layer and direction.
            shape: of the tensor.
            like: has its dtype.
        """
        size = math.prod(shape) * like.itemsize
        if size < LARGE:
            return like.new_empty(shape)
        memory = self.pop(suffix, None)  # one thread alone gets it
        if memory is None or not _fits(memory, size) or sys.getrefcount(memory) > 2:
            memory = None  # before the next is made: the two would add up
            memory = np.empty(max(size + _HUGE, _ASKS), np.uint8)
        self[suffix] = memory
        # From the first large page on: one fault in place of 512, where there are such pages.
        first = -memory.__array_interface__["data"][0] % _HUGE
        return torch.from_numpy(memory[first : first + size]).view(like.dtype).view(shape)


def _fits(memory: Array, size: int) -> bool:
    return size + _HUGE <= memory.size <= max(4 * size + _HUGE, _ASKS)
