"""What a call leaves in torch's graph: no module, and nothing that torch would let be edited."""

from __future__ import annotations

import gc
import re
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence

import glasscell.nn
from glasscell.nn import observing

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")

SIZE = 4
LAYERS: dict[str, Callable[[Any], torch.nn.Module]] = {
    "lstm": lambda nn: nn.LSTM(SIZE, SIZE),
    "lstm batch first": lambda nn: nn.LSTM(SIZE, SIZE, batch_first=True),
    "lstm stacked both ways": lambda nn: nn.LSTM(
        SIZE, SIZE, 2, batch_first=True, bidirectional=True
    ),
    "lstm projected": lambda nn: nn.LSTM(SIZE, SIZE, 2, batch_first=True, proj_size=2),
    "gru": lambda nn: nn.GRU(SIZE, SIZE),
    "gru stacked both ways": lambda nn: nn.GRU(SIZE, SIZE, 2, bidirectional=True, batch_first=True),
    "rnn": lambda nn: nn.RNN(SIZE, SIZE),
    "rnn batch first": lambda nn: nn.RNN(SIZE, SIZE, 2, batch_first=True, nonlinearity="relu"),
    "lstm cell": lambda nn: nn.LSTMCell(SIZE, SIZE),
    "gru cell": lambda nn: nn.GRUCell(SIZE, SIZE),
    "rnn cell": lambda nn: nn.RNNCell(SIZE, SIZE, bias=False),
    "linear": lambda nn: nn.Linear(SIZE, SIZE),
}
EDITED = ("x", "h0", "c0", "y0", "y1", "y2", "weight_ih", "weight_hh", "bias_ih", "weight")
EVERY_LAYER = pytest.mark.parametrize("name", LAYERS)


def _tensors(result: Any) -> list[torch.Tensor]:
    if isinstance(result, PackedSequence):
        return [result.data]
    if isinstance(result, torch.Tensor):
        return [result]
    return [tensor for part in result for tensor in _tensors(part)]


def _states(layer: Any, form: str) -> list[tuple[int, ...]]:
    if isinstance(layer, torch.nn.Linear):
        return []
    if isinstance(layer, torch.nn.RNNCellBase):
        shape: tuple[int, ...] = () if form == "unbatched" else (3,)
        return [(*shape, SIZE)] * (2 if isinstance(layer, torch.nn.LSTMCell) else 1)
    sides = layer.num_layers * (2 if layer.bidirectional else 1)
    lead = (sides,) if form == "unbatched" else (sides, 3)
    widths = (layer.proj_size or SIZE, SIZE)[: 2 if layer.mode == "LSTM" else 1]
    return [(*lead, width) for width in widths]


def _input(layer: Any, form: str) -> tuple[int, ...]:
    if isinstance(layer, torch.nn.RNNCellBase):
        return (SIZE,) if form == "unbatched" else (3, SIZE)
    shapes = {"unbatched": (5, SIZE), "packed": (7, SIZE)}
    first = getattr(layer, "batch_first", False)
    return shapes.get(form, (3, 5, SIZE) if first else (5, 3, SIZE))


class Run:
    """One call in a graph, with every tensor that takes part in it by name."""

    def __init__(self, layer: Any, form: str, dtype: torch.dtype, trained: bool, turned: bool):
        generator = torch.Generator().manual_seed(3)
        self.scale = torch.ones((), dtype=dtype, requires_grad=True)

        def made(shape: tuple[int, ...]) -> torch.Tensor:
            tensor = torch.randn(*shape, dtype=dtype, generator=generator)
            if turned and tensor.dim() > 1:
                tensor = tensor.transpose(0, 1).contiguous().transpose(0, 1)
            return tensor * self.scale

        self.layer = layer.to(dtype).requires_grad_(trained)
        x, states = made(_input(layer, form)), tuple(map(made, _states(layer, form)))
        given = PackedSequence(x, torch.tensor([3, 2, 2])) if form == "packed" else x
        hx = states if len(states) != 1 else states[0]
        self.results = _tensors(layer(given, hx) if states else layer(given))
        self.parts = {"x": x, **dict(zip(("h0", "c0"), states, strict=False))}
        self.parts |= {f"y{k}": y for k, y in enumerate(self.results)}
        self.parts |= {name.removesuffix("_l0"): p for name, p in layer.named_parameters()}

    def gradients(self) -> list[torch.Tensor] | None:
        """Give all gradients, None where torch refuses because of an edit."""
        loss = sum(((k + 1) * y.sin().sum() for k, y in enumerate(self.results)), torch.zeros(()))
        wanted = [self.scale, *(p for p in self.layer.parameters() if p.requires_grad)]
        try:
            return list(torch.autograd.grad(loss, wanted, allow_unused=True))
        except RuntimeError as refused:
            if re.search("modified (by an )?inplace", str(refused)) is None:
                raise
            return None


@pytest.mark.parametrize("edited", EDITED)
@pytest.mark.parametrize("turned", [False, True], ids=["contiguous", "turned"])
@pytest.mark.parametrize("trained", [True, False], ids=["trained", "frozen"])
@pytest.mark.parametrize("form", ["padded", "unbatched", "packed"])
@EVERY_LAYER
def test_what_torch_lets_be_edited_in_place_may_be_and_the_gradients_are_right(
    name: str, form: str, trained: bool, turned: bool, edited: str
) -> None:
    for dtype in (torch.float32, torch.float64):
        found = []
        for library in (torch.nn, glasscell.nn):
            torch.manual_seed(1)
            layer = LAYERS[name](library)
            if form == "packed" and not isinstance(layer, torch.nn.RNNBase):
                return
            run = Run(layer, form, dtype, trained, turned)
            if edited not in run.parts:
                return
            with torch.no_grad():
                run.parts[edited].mul_(1.5)
            found.append(run.gradients())
        if found[0] is not None:
            assert found[1] is not None
            for one, other in zip(*found, strict=True):
                torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_a_residual_may_be_added_in_place(kind: str) -> None:
    found = []
    for in_place in (False, True):
        torch.manual_seed(1)
        below = torch.nn.Linear(3, SIZE)
        layer = getattr(glasscell.nn, kind)(SIZE, SIZE, batch_first=True)
        x = below(torch.randn(5, 6, 3))
        y = layer(x)[0]
        if in_place:
            x += y
        else:
            x = x + y
        x.pow(2).sum().backward()
        found.append([below.weight.grad, *(p.grad for p in layer.parameters())])
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


def test_an_edit_that_a_derivative_of_a_derivative_would_read_is_refused() -> None:
    layer = glasscell.nn.RNN(SIZE, SIZE)
    x = torch.randn(5, 2, SIZE, requires_grad=True)
    loss = layer(x)[0].sum()
    with torch.no_grad():
        layer.weight_hh_l0.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(loss, x, create_graph=True)


def test_an_edit_is_found_behind_hooks_on_saved_tensors_too() -> None:
    layer, x = glasscell.nn.RNN(SIZE, SIZE).requires_grad_(False), torch.randn(5, 2, SIZE)
    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(layer(leaf)[0].sum(), leaf)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: (t.clone(),), lambda kept: kept[0]):
        middle = leaf * 1
        loss = layer(middle)[0].sum()
    with torch.no_grad():
        middle.mul_(3)
    assert torch.equal(torch.autograd.grad(loss, leaf)[0], expected)


class Recorder(torch.nn.Module):
    """Keeps what its layer gave, as people do to look at activations."""

    def __init__(self, layer: torch.nn.Module) -> None:
        super().__init__()
        self.layer, self.seen = layer, list[Any]()
        layer.register_forward_hook(lambda module, given, result: self.seen.append(result))

    def forward(self, *given: Any, **named: Any) -> Any:
        return self.layer(*given, **named)


class _Nobody:
    def forward(self, *_: Any) -> None:
        pass

    backward = forward


def _plainly(model: Any, x: Any) -> None:
    model(x)


def _twice(model: Any, x: Any) -> None:
    model(x)  # packs; the next call of a cell takes the short way
    model(x)


def _watched(model: Any, x: Any) -> None:
    with observing(_Nobody()):
        model(x)


def _watched_backward(model: Any, x: Any) -> None:
    with observing(_Nobody(), gradients=True):
        model(x)


def _checkpointed(model: Any, x: Any) -> None:
    model.layer.checkpoint = 2
    model(x)


def _measured(model: Any, x: Any) -> None:
    if not isinstance(model.layer, torch.nn.Linear):
        glasscell.gradient_flow(model, x, lambda result: _tensors(result)[0].sum())
    model(x)


CALLS = [_measured, _plainly, _twice, _watched, _watched_backward, _checkpointed]


@pytest.mark.parametrize("backward", [True, False])
@pytest.mark.parametrize("call", CALLS)
@EVERY_LAYER
def test_a_module_whose_hook_keeps_its_output_is_freed(
    name: str, call: Callable[[Any, Any], None], backward: bool
) -> None:
    model = Recorder(LAYERS[name](glasscell.nn))
    call(model, torch.randn(_input(model.layer, "padded")))
    if backward:
        _tensors(model.seen[-1])[0].sum().backward()
    gone = weakref.ref(model.layer)
    del model
    gc.collect()
    assert gone() is None
