"""Keeps small networks on one thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch and glasscell's kernels on one thread for the duration of a block.

    Notes:
        A step of a network of some 32 units takes a few milliseconds. Two threads gain little on it
        if both cores are idle, and wait for each other most of the time if one is busy. The bits
        are the same for any number of threads.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
