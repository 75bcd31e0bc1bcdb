from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from glasscell.nn import fallback


@pytest.fixture(autouse=True)
def _every_slow_path_is_said_again() -> Iterator[None]:
    """Each test hears of a slow path as a new process would."""
    said = set(fallback._announced)
    fallback._announced.clear()
    yield
    fallback._announced.update(said)


@pytest.fixture(autouse=True)
def _same_draws_and_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
    torch.set_num_threads(threads)
