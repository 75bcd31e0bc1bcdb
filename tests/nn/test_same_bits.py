"""A sequence gets the same bits alone or in a batch, whole or in parts, watched or not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch

from glasscell.nn import GRU, LSTM, RNN, observing
from nn.cases import HIDDEN, INPUT, LAYERS, flat, padded, pair_of, states

BOTH = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])


class _Silent:
    def forward(self, *_: Any) -> None:
        pass

    def backward(self, *_: Any) -> None:
        pass


def _same(found: Any, expected: Any) -> None:
    for one, other in zip(flat(found), flat(expected), strict=True):
        assert torch.equal(one, other)


@BOTH
@pytest.mark.parametrize("name", LAYERS)
def test_alone_and_in_any_batch(name: str, dtype: torch.dtype) -> None:
    module = pair_of(name)[1].to(dtype)
    x, hx = padded(module, 5, 19, dtype), states(module, 19, dtype)
    whole = flat(module(x, hx))
    axis = 0 if module.batch_first else 1
    for part in (slice(0, 1), slice(3, 5), slice(7, 14)):
        cut = tuple(s[:, part] for s in hx) if isinstance(hx, tuple) else hx[:, part]
        rows = x[part] if axis == 0 else x[:, part]
        output, *state = flat(module(rows, cut))
        assert torch.equal(output, whole[0][part] if axis == 0 else whole[0][:, part])
        for one, other in zip(state, whole[1:], strict=True):
            assert torch.equal(one, other[:, part])


@BOTH
@pytest.mark.parametrize("kind", [LSTM, GRU, RNN])
def test_whole_and_in_parts(kind: Any, dtype: torch.dtype) -> None:
    module = kind(INPUT, HIDDEN, num_layers=2, dtype=dtype)
    x = torch.randn(23, 3, INPUT, dtype=dtype)
    whole = flat(module(x))
    for cuts in ([1, 2, 20], [7, 16], [23]):
        state, outputs = None, []
        for part in torch.split(x, cuts):
            output, state = module(part, state)
            outputs.append(output)
        expected = (whole[0], tuple(whole[1:]) if kind is LSTM else whole[1])
        _same((torch.cat(outputs), state), expected)


@pytest.mark.parametrize("name", LAYERS)
def test_with_and_without_a_graph_or_an_observer(name: str) -> None:
    _, module = pair_of(name)
    x, hx = padded(module, 6, 4, torch.float32), states(module, 4, torch.float32)
    graph = module(x, hx)
    with torch.inference_mode():
        _same(module(x, hx), graph)
    with observing(_Silent(), gradients=True):
        seen = module(x, hx)
    _same(seen, graph)
    gradients = [
        torch.autograd.grad(sum(r.sum() for r in flat(found)), module.parameters())
        for found in (graph, seen)
    ]
    for one, other in zip(*gradients, strict=True):
        assert torch.equal(one, other)


@BOTH
@pytest.mark.parametrize(
    "name", ["lstm three layers both ways", "lstm projected", "gru two layers both ways", "rnn"]
)
def test_on_any_number_of_threads_forward_and_backward(name: str, dtype: torch.dtype) -> None:
    kind, arguments = LAYERS[name]
    module = {"LSTM": LSTM, "GRU": GRU, "RNN": RNN}[kind](24, 40, **arguments, dtype=dtype)
    # Enough work that the engine does use its threads.
    x = torch.randn(60, 33, 24, dtype=dtype, requires_grad=True)
    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        results = flat(module(x))
        loss = sum(r.pow(2).sum() for r in results)
        found.append([*results, *torch.autograd.grad(loss, [x, *module.parameters()])])
    for other in found[1:]:
        for one, same in zip(found[0], other, strict=True):
            assert torch.equal(one, same)


def test_batch_first_and_time_first() -> None:
    first = LSTM(INPUT, HIDDEN, batch_first=True, bidirectional=True)
    second = LSTM(INPUT, HIDDEN, bidirectional=True)
    second.load_state_dict(first.state_dict())
    x = torch.randn(4, 9, INPUT)
    output, state = first(x)
    _same((output.transpose(0, 1), state), second(x.transpose(0, 1).contiguous()))
    _same((output.transpose(0, 1), state), second(x.transpose(0, 1)))


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_one_module_on_many_python_threads(kind: Any) -> None:
    module = kind(INPUT, HIDDEN, num_layers=2)
    inputs = [torch.randn(30, 1 + k % 5, INPUT) for k in range(24)]
    expected = [module(x)[0] for x in inputs]
    twin = kind(INPUT, HIDDEN, num_layers=2)  # nothing packed yet: all threads come upon it empty
    twin.load_state_dict(module.state_dict())
    with ThreadPoolExecutor(8) as pool:
        for found, one in zip(pool.map(lambda x: twin(x)[0], inputs), expected, strict=True):
            assert torch.equal(found, one)
