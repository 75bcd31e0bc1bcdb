"""The short way of the usual call gives what the long way gives, and steps aside for the rest."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from glasscell.nn import LSTM, GRUCell, LSTMCell, RNNCell, fast_path, observing
from nn.cases import HIDDEN, INPUT, INPUTS, LAYERS, flat, padded, pair_of, states, under_autocast

BOTH = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Which calls took the short way, in order."""
    taken: list[bool] = []

    def followed(short: Callable[..., Any]) -> Callable[..., Any]:
        def follow(*given: Any) -> Any:
            result = short(*given)
            taken.append(result is not None)
            return result

        return follow

    for name in ("sequence", "step"):
        monkeypatch.setattr(fast_path, name, followed(getattr(fast_path, name)))
    return taken


def _same(found: Any, expected: Any) -> None:
    for one, other in zip(flat(found), flat(expected), strict=True):
        assert torch.equal(one, other)
        assert one.stride() == other.stride()
        assert one.shape == other.shape


@BOTH
@pytest.mark.parametrize("input", INPUTS)
@pytest.mark.parametrize("name", LAYERS)
def test_both_ways_give_the_same_bits(name: str, input: str, dtype: torch.dtype) -> None:
    module = pair_of(name)[1].to(dtype)
    x, hx = INPUTS[input](module, dtype)
    expected = module(x, hx)  # with a graph: the long way, which also packs
    with torch.no_grad():
        _same(module(x, hx), expected)
    with torch.inference_mode():
        _same(module(x, hx), expected)


@pytest.mark.parametrize("name", LAYERS)
def test_the_usual_call_takes_the_short_way_once_packed(name: str, ways: list[bool]) -> None:
    module = pair_of(name)[1]
    x, hx = padded(module, 6, 4, torch.float32), states(module, 4, torch.float32)
    with torch.no_grad():
        module(x, hx), module(x, hx), module(x)
        module.weight_hh_l0.data.mul_(2)
        module(x), module(x)
    assert ways == [False, True, True, False, True]


@pytest.mark.parametrize("kind", [LSTMCell, GRUCell, RNNCell])
@pytest.mark.parametrize("bias", [True, False])
@BOTH
def test_a_cell_takes_it_with_a_graph_too(
    kind: Any, bias: bool, dtype: torch.dtype, ways: list[bool]
) -> None:
    cell = kind(INPUT, HIDDEN, bias=bias, dtype=dtype)
    x, h = torch.randn(3, INPUT, dtype=dtype), torch.randn(3, HIDDEN, dtype=dtype)
    hx = (h, 2 * h) if kind is LSTMCell else h
    results, gradients = [], []
    for _ in range(2):  # the first call packs, on the long way
        leaf = x.clone().requires_grad_()
        found = cell(leaf, hx)
        results.append(found if isinstance(found, tuple) else (found,))
        loss = sum((k + 1) * part.sin().sum() for k, part in enumerate(results[-1]))
        gradients.append(torch.autograd.grad(loss, [leaf, *cell.parameters()]))
    with torch.no_grad():
        found = cell(x, hx)
        results.append(found if isinstance(found, tuple) else (found,))
    assert ways == [False, True, True]
    for other in results[1:]:
        assert all(torch.equal(*pair) for pair in zip(results[0], other, strict=True))
    assert all(torch.equal(*pair) for pair in zip(*gradients, strict=True))


@pytest.mark.parametrize("kind", [LSTMCell, GRUCell, RNNCell])
def test_a_cells_results_may_be_edited_in_place(kind: Any) -> None:
    cell, x = kind(INPUT, HIDDEN, dtype=torch.float64), torch.ones(2, INPUT).double()
    found = []
    for factor in (1, 2, 1, 2):  # the first call packs, on the long way
        result = cell(x)
        parts = result if isinstance(result, tuple) else (result,)
        loss = sum(part.mul_(factor).sum() / factor for part in parts)
        found.append(torch.autograd.grad(loss, cell.weight_ih)[0])
    assert all(torch.allclose(one, found[0]) for one in found)


class Tagged(torch.Tensor):
    pass


class _Nobody:
    def forward(self, *_: Any) -> None:
        pass

    backward = forward


def _autocast(module: Any, x: torch.Tensor) -> Any:
    result = under_autocast(module, x)
    return module(x) if result is None else result  # float32 is as good a referee


def _observed(module: Any, x: torch.Tensor) -> Any:
    with observing(_Nobody()):
        return module(x)


def _counted(module: Any, x: torch.Tensor) -> Any:
    with FlopCounterMode(display=False):
        return module(x)


def _as_list(hx: Any) -> Any:
    return list(hx) if isinstance(hx, tuple) else _turned(hx)


def _turned(state: torch.Tensor) -> torch.Tensor:
    return state.transpose(1, 2).contiguous().transpose(1, 2)


UNUSUAL: dict[str, Callable[[Any, torch.Tensor], Any]] = {
    "autocast": _autocast,
    "observer": _observed,
    "dispatch mode": _counted,
    "subclass": lambda module, x: module(x.as_subclass(Tagged)),
    "another dtype of a parameter": lambda module, x: module.double()(x.double()),
    "weights of a functional call": lambda module, x: torch.func.functional_call(
        module, {key: value.detach() for key, value in module.named_parameters()}, (x,)
    ),
    "lazily negated": lambda module, x: module(torch._neg_view(x)),
    "zeros that are not stored": lambda module, x: module(torch._efficientzerotensor(x.shape)),
    "every second feature": lambda module, x: module(x.repeat_interleave(2, -1)[..., ::2]),
    "a list for hx": lambda module, x: module(x, _as_list(states(module, 2, x.dtype))),
    "state of transposed memory": lambda module, x: module(
        x, torch.utils._pytree.tree_map(_turned, states(module, 2, x.dtype))
    ),
}


@pytest.mark.parametrize("case", UNUSUAL)
@pytest.mark.parametrize("name", ["lstm", "gru"])
@pytest.mark.filterwarnings("ignore::glasscell.nn.SlowPathWarning")
def test_the_unusual_call_goes_the_long_way_and_is_right(
    case: str, name: str, ways: list[bool]
) -> None:
    (theirs, module), x = pair_of(name), torch.randn(4, 2, INPUT)
    with torch.no_grad():
        module(x)
        module(x)
        torch.manual_seed(2)
        found = UNUSUAL[case](module, x)
        torch.manual_seed(2)
        stored = torch.zeros_like(x) if case.startswith("zeros") else x
        expected = UNUSUAL[case if stored is x else "every second feature"](theirs, stored)
    assert ways == [False, True, False]
    bound = 0.03 if case == "autocast" else 1e-6
    for one, other in zip(flat(found), flat(expected), strict=True):
        one, other = (tensor.as_subclass(torch.Tensor).double() for tensor in (one, other))
        assert torch.allclose(one, other, atol=bound)


REFUSED: dict[str, Callable[[Any], Any]] = {
    "input size": lambda module: module(torch.zeros(4, 2, INPUT + 1)),
    "input rank": lambda module: module(torch.zeros(1, 4, 2, INPUT)),
    "no steps": lambda module: module(torch.zeros(0, 2, INPUT)),
    "integers": lambda module: module(torch.zeros(4, 2, INPUT, dtype=torch.int32)),
    "batch of the state": lambda module: module(
        torch.zeros(4, 2, INPUT), states(module, 3, torch.float32)
    ),
    "one state of two": lambda module: module(
        torch.zeros(4, 2, INPUT), (torch.zeros(1, 2, HIDDEN),)
    ),
    "dtype of the state": lambda module: module(
        torch.zeros(4, 2, INPUT), states(module, 2, torch.float64)
    ),
    "sparse": lambda module: module(torch.zeros(4, 2, INPUT).to_sparse()),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_what_torch_refuses_is_refused_after_packing_too(name: str, case: str) -> None:
    errors = []
    for module in pair_of(name):
        with torch.no_grad():
            module(torch.zeros(4, 2, INPUT))
            with pytest.raises(Exception) as caught:
                REFUSED[case](module)
        errors.append(caught)
    assert errors[0].type is errors[1].type
    assert str(errors[0].value) == str(errors[1].value)


def test_attributes_that_change_after_packing_are_heeded() -> None:
    for change in ({"batch_first": True}, {"dropout": 0.9}):
        found = []
        for module in pair_of("gru two layers"):
            x = torch.randn(4, 4, INPUT, generator=torch.Generator().manual_seed(1))
            with torch.no_grad():
                module(x)
                vars(module).update(change)
                torch.manual_seed(3)
                found.append(module(x)[0])
        assert torch.allclose(*found, atol=1e-6)
    rnn, cell = pair_of("rnn")[1], RNNCell(INPUT, HIDDEN)
    with torch.no_grad():
        for module, x in ((rnn, torch.randn(4, 2, INPUT)), (cell, torch.randn(2, INPUT))):
            module(x)
            kind = {"mode": "RNN_RELU"} if module is rnn else {"nonlinearity": "relu"}
            vars(module).update(kind)
            assert (flat((module(x), ()))[0] if module is cell else module(x)[0]).min() >= 0


def test_sizes_that_no_longer_fit_the_weights_reach_no_kernel() -> None:
    module, x = LSTM(INPUT, HIDDEN), torch.randn(4, 2, INPUT)
    with torch.no_grad():
        module(x)
        module.hidden_size = HIDDEN - 2
        with pytest.raises(RuntimeError, match="expected parameters"):
            module(x)
        module.hidden_size, module.input_size = HIDDEN, INPUT + 3
        with pytest.raises(RuntimeError):
            module(torch.randn(4, 2, INPUT + 3))


def test_a_plain_default_device_is_not_where_the_results_go() -> None:
    module, x = LSTM(INPUT, HIDDEN), torch.randn(4, 2, INPUT)
    expected = module(x)[0]
    with torch.device("meta"):
        assert torch.equal(module(x)[0], expected)
        with torch.no_grad():
            assert torch.equal(module(x)[0], expected)


def test_copies_start_without_what_was_packed() -> None:
    module, x = LSTM(INPUT, HIDDEN), torch.randn(4, 2, INPUT)
    with torch.no_grad():
        module(x), module(x)
        twin = copy.deepcopy(module)
        twin.weight_hh_l0.mul_(2)
        assert not torch.equal(twin(x)[0], module(x)[0])
