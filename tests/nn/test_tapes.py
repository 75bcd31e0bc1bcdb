"""A large tape's memory serves the next training step, and is nobody else's while it is held."""

from __future__ import annotations

import copy
import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch

from glasscell.nn import LSTM, observing, packed_weights
from glasscell.nn.packed_weights import tapes_of

STEPS, BATCH, INPUT, HIDDEN = 12, 3, 5, 16


@pytest.fixture(autouse=True)
def _every_tape_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LARGE", "_HUGE", "_ASKS"):
        monkeypatch.setattr(packed_weights, name, 64)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every array that was made for a tape."""
    found: list[Any] = []
    empty = np.empty

    def follow(size: int, dtype: Any) -> Any:
        found.append(weakref.ref(array := empty(size, dtype)))
        return array

    monkeypatch.setattr(packed_weights.np, "empty", follow)
    return found


def _gradient(module: Any, x: torch.Tensor) -> torch.Tensor:
    loss = module(x)[0].pow(2).sum()
    return torch.autograd.grad(loss, module.weight_hh_l0)[0]


def test_one_tape_for_each_layer_and_direction_serves_all_steps(made: list[Any]) -> None:
    module, x = LSTM(INPUT, HIDDEN, num_layers=2, bidirectional=True), torch.randn(STEPS, 1, INPUT)
    first = _gradient(module, x)
    for _ in range(5):
        assert torch.equal(_gradient(module, x), first)
    assert len(made) == 4


def test_two_graphs_at_a_time_have_two_tapes() -> None:
    module = LSTM(INPUT, HIDDEN)
    inputs = [torch.randn(STEPS, BATCH, INPUT) for _ in range(3)]
    expected = [_gradient(module, x) for x in inputs]
    losses = [module(x)[0].pow(2).sum() for x in inputs]
    for loss, one in zip(reversed(losses), reversed(expected), strict=True):
        assert torch.equal(torch.autograd.grad(loss, module.weight_hh_l0)[0], one)


def test_a_view_that_an_observer_keeps_is_never_written_again() -> None:
    class Keep:
        seen: Any = None

        def forward(self, _module: Any, _suffix: str, record: Any) -> None:
            self.seen = record.tape[2:, ..., 0, :]

        def backward(self, *_: Any) -> None:
            pass

    module, keep = LSTM(INPUT, HIDDEN), Keep()
    with observing(keep):
        module(torch.randn(STEPS, BATCH, INPUT))
    before = keep.seen.copy()
    for _ in range(3):
        _gradient(module, torch.randn(STEPS, BATCH, INPUT))
    assert (keep.seen == before).all()


def test_a_shorter_sequence_takes_the_same_tape_and_a_much_shorter_one_its_own(
    made: list[Any],
) -> None:
    module, x = LSTM(INPUT, HIDDEN), torch.randn(STEPS, BATCH, INPUT)
    for steps in (STEPS, STEPS - 1, STEPS, 4):
        _gradient(module, x[:steps])
    assert len(made) == 1
    _gradient(module, x[:2])
    assert len(made) == 2
    assert made[0]() is None


def test_any_dtype_takes_it(made: list[Any]) -> None:
    module, x = LSTM(INPUT, HIDDEN, dtype=torch.float64), torch.randn(STEPS, BATCH, INPUT)
    expected = _gradient(module, x.double())
    found = _gradient(module.float(), x)
    assert torch.allclose(found.double(), expected, atol=1e-4)
    assert len(made) == 1


@pytest.mark.parametrize("quick", [True, False])
def test_a_call_without_a_graph_gives_the_memory_back(made: list[Any], quick: bool) -> None:
    module, x = LSTM(INPUT, HIDDEN), torch.randn(STEPS, BATCH, INPUT)
    _gradient(module, x)
    assert made[0]() is not None
    with torch.no_grad():
        module(x, **({} if quick else {"lengths": [STEPS] * BATCH}))
    assert made[0]() is None


def test_the_module_takes_it_along_when_it_goes_and_copies_have_none(made: list[Any]) -> None:
    module, x = LSTM(INPUT, HIDDEN), torch.randn(STEPS, BATCH, INPUT)
    _gradient(module, x)
    assert not tapes_of(copy.deepcopy(module))
    del module
    gc.collect()
    assert made[0]() is None


def test_python_threads_on_one_module_do_not_share_a_tape() -> None:
    module = LSTM(INPUT, HIDDEN)
    inputs = [torch.randn(STEPS, 1 + k % 4, INPUT) for k in range(60)]
    expected = [_gradient(module, x) for x in inputs]
    with ThreadPoolExecutor(8) as pool:
        for found, one in zip(
            pool.map(lambda x: _gradient(module, x), inputs), expected, strict=True
        ):
            assert torch.equal(found, one)


def test_small_tapes_are_left_to_malloc(made: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_weights, "LARGE", 1 << 20)
    _gradient(LSTM(INPUT, HIDDEN), torch.randn(STEPS, BATCH, INPUT))
    assert made == []
