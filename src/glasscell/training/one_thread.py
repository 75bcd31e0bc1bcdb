"""Keeps small networks on one thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch, glasscell's kernels and NumPy's BLAS on one thread for the duration of a block.

    Notes:
        A step of a network of some 32 units takes a few milliseconds. Two threads gain little on it
        if both cores are idle, and wait for each other most of the time if one is busy. The bits of
        the kernels are the same for any number of threads.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(limits=1, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)
