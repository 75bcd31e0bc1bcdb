"""Layers and inputs that the tests of `glasscell.nn` run through torch's module and ours."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_sequence

import glasscell.nn
from glasscell.cells import Cell, sigmoid, tanh, zoo

INPUT, HIDDEN, PROJECTED = 5, 11, 3  # H is no multiple of any vector width

LAYERS: dict[str, tuple[str, dict[str, Any]]] = {
    "lstm": ("LSTM", {}),
    "lstm without bias": ("LSTM", {"bias": False}),
    "lstm batch first": ("LSTM", {"batch_first": True}),
    "lstm two layers": ("LSTM", {"num_layers": 2}),
    "lstm bidirectional": ("LSTM", {"bidirectional": True}),
    "lstm three layers both ways": ("LSTM", {"num_layers": 3, "bidirectional": True}),
    "lstm projected": ("LSTM", {"proj_size": PROJECTED}),
    "lstm all at once": (
        "LSTM",
        {
            "num_layers": 2,
            "bidirectional": True,
            "proj_size": PROJECTED,
            "bias": False,
            "batch_first": True,
        },
    ),
    "gru": ("GRU", {}),
    "gru without bias": ("GRU", {"bias": False, "batch_first": True}),
    "gru two layers": ("GRU", {"num_layers": 2}),
    "gru two layers both ways": ("GRU", {"num_layers": 2, "bidirectional": True}),
    "rnn": ("RNN", {}),
    "rnn relu": ("RNN", {"nonlinearity": "relu"}),
    "rnn without bias": ("RNN", {"bias": False, "batch_first": True}),
    "rnn relu two layers both ways": (
        "RNN",
        {"nonlinearity": "relu", "num_layers": 2, "bidirectional": True},
    ),
}


def pair_of(name: str, **more: Any) -> tuple[torch.nn.Module, torch.nn.Module]:
    """Make torch's module and ours, each after the same seed."""
    kind, arguments = LAYERS[name]
    made = []
    for library in (torch.nn, glasscell.nn):
        torch.manual_seed(1)
        made.append(getattr(library, kind)(INPUT, HIDDEN, **arguments, **more))
    return made[0], made[1]


def states(module: Any, batch: int | None, dtype: torch.dtype) -> Any:
    """Make h0, or (h0, c0), for a batch or for one sequence without a batch axis."""
    sides = module.num_layers * (2 if module.bidirectional else 1)
    lead = (sides,) if batch is None else (sides, batch)
    h0 = torch.randn(*lead, module.proj_size or HIDDEN, dtype=dtype)
    return (h0, torch.randn(*lead, HIDDEN, dtype=dtype)) if module.mode == "LSTM" else h0


def padded(module: Any, steps: int, batch: int, dtype: torch.dtype) -> Tensor:
    shape = (batch, steps) if module.batch_first else (steps, batch)
    return torch.randn(*shape, INPUT, dtype=dtype)


def _padded(module: Any, dtype: torch.dtype) -> tuple[Any, Any]:
    return padded(module, 6, 4, dtype), None


def _with_state(module: Any, dtype: torch.dtype) -> tuple[Any, Any]:
    return padded(module, 6, 4, dtype), states(module, 4, dtype)


def _one_step_of_one(module: Any, dtype: torch.dtype) -> tuple[Any, Any]:
    return padded(module, 1, 1, dtype), states(module, 1, dtype)


def _unbatched(module: Any, dtype: torch.dtype) -> tuple[Any, Any]:
    return torch.randn(6, INPUT, dtype=dtype), states(module, None, dtype)


def _strided(module: Any, dtype: torch.dtype) -> tuple[Any, Any]:
    """Every second element of each axis, so that no axis is contiguous."""
    x = padded(module, 6, 4, dtype)
    wide = torch.randn(*(2 * size for size in x.shape), dtype=dtype)[::2, ::2, ::2]
    h0 = states(module, 4, dtype)
    turned = [s.transpose(0, 2).contiguous().transpose(0, 2) for s in _listed(h0)]
    return wide, tuple(turned) if isinstance(h0, tuple) else turned[0]


def _packed_sorted(module: Any, dtype: torch.dtype) -> tuple[Any, Any]:
    rows = [torch.randn(n, INPUT, dtype=dtype) for n in (6, 4, 4, 1)]
    return pack_sequence(rows), None


def _packed_unsorted(module: Any, dtype: torch.dtype) -> tuple[Any, Any]:
    rows = [torch.randn(n, INPUT, dtype=dtype) for n in (2, 7, 1, 5, 5)]
    return pack_sequence(rows, enforce_sorted=False), states(module, 5, dtype)


INPUTS: dict[str, Callable[[Any, torch.dtype], tuple[Any, Any]]] = {
    "padded": _padded,
    "with state": _with_state,
    "one step of one": _one_step_of_one,
    "unbatched": _unbatched,
    "strided": _strided,
    "packed sorted": _packed_sorted,
    "packed unsorted": _packed_unsorted,
}


def _listed(hx: Any) -> list[Tensor]:
    if hx is None:
        return []
    return list(hx) if isinstance(hx, tuple) else [hx]


def leaves(input: Any, hx: Any, dtype: torch.dtype) -> tuple[Any, Any, list[Tensor]]:
    """Copy a call's tensors to a dtype as leaves that require gradients; also list them."""
    data = input.data if isinstance(input, PackedSequence) else input
    found = [tensor.detach().to(dtype, copy=True) for tensor in (data, *_listed(hx))]
    # A copy keeps strides where it can; a non-contiguous leaf is the point of some cases.
    for tensor in found:
        tensor.requires_grad_()
    x = found[0]
    if isinstance(input, PackedSequence):
        x = PackedSequence(x, *input[1:])
    state: Any = None
    if hx is not None:
        state = tuple(found[1:]) if isinstance(hx, tuple) else found[1]
    return x, state, found


def flat(result: Any) -> list[Tensor]:
    """List the output, h_n and c_n of a call."""
    output, state = result
    output = output.data if isinstance(output, PackedSequence) else output
    return [output, *_listed(state)]


def everything(module: torch.nn.Module, input: Any, hx: Any, dtype: torch.dtype) -> dict[str, Any]:
    """Run a module forward and backward in a dtype; give all results and gradients by name."""
    module = copy.deepcopy(module).to(dtype)
    x, state, inputs = leaves(input, hx, dtype)
    results = flat(module(x, state))
    generator = torch.Generator().manual_seed(2)
    loss = sum(
        (r * torch.randn(r.shape, generator=generator, dtype=torch.float64).to(dtype)).sum()
        for r in results
    )
    names = [name for name, _ in module.named_parameters()]
    grads = torch.autograd.grad(loss, [*inputs, *module.parameters()])
    values = [*results, *grads]
    labels = ["output", "h_n", "c_n"][: len(results)]
    labels += ["x", "h0", "c0"][: len(inputs)]
    labels = [*labels[: len(results)], *(f"d {n}" for n in [*labels[len(results) :], *names])]
    return dict(zip(labels, values, strict=True))


def under_autocast(module: Any, *arguments: Any) -> Any:
    """Call a module under bfloat16 autocast; None where torch's own has no code for this CPU."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        try:
            return module(*arguments)
        except RuntimeError as refused:
            if "could not create a primitive" not in str(refused):
                raise
            assert not type(module).__module__.startswith("glasscell"), "ours has"
            return None


def error(found: Tensor, truth: Tensor) -> float:
    return (found.detach().double() - truth.detach()).abs().max().item()


def floor(truth: Tensor, dtype: torch.dtype) -> float:
    """What rounding alone may do: each value is a few tens of operations on values of its size.

    Half a unit in the last place for each of I + H products of a pre-activation, as a random walk
    (the square root), through about as many steps; on the largest value of the array.
    """
    steps = (INPUT + HIDDEN) ** 0.5 * 7**0.5
    return steps * torch.finfo(dtype).eps * max(truth.detach().abs().max().item(), 1e-3)


class Leaky(Cell):
    """A cell of one's own, which starts from another number than zero."""

    gates = {"f": "forget", "g": "candidate"}  # noqa: RUF012
    vectors = {"p": "peephole of forget"}  # noqa: RUF012
    initial = {"h": 0.5}  # noqa: RUF012

    def step(self, a: Any, h: Any) -> Any:
        f, g = sigmoid(a.f + self.p * h), tanh(a.g)
        return f * h + (1 - f) * g


ANY_CELL: dict[str, Callable[..., Any]] = {
    "own": partial(glasscell.nn.Recurrent, Leaky, num_layers=2, bidirectional=True),
    "peephole": partial(glasscell.nn.LSTM, peephole=True, bias=False),
    "layer norm": partial(glasscell.nn.LSTM, layer_norm=True, batch_first=True),
    "zoneout": partial(glasscell.nn.LSTM, zoneout=0.3, num_layers=2, dropout=0.5),
    "masked h": partial(glasscell.nn.GRU, hidden_dropout=0.4, bidirectional=True),
    "slstm": partial(glasscell.nn.sLSTM, heads=1, num_layers=2, bidirectional=True),
    "heads": partial(glasscell.nn.sLSTM, heads=HIDDEN),
    "no R": partial(glasscell.nn.Recurrent, zoo.MinGRU, bidirectional=True),
    "diagonal R": partial(glasscell.nn.Recurrent, zoo.IndRNN, bias=False),
}
"""`Recurrent` of all that a cell may have: several states, vectors, masks, all kinds of R."""


def any_cell(name: str, **more: Any) -> Any:
    """Make a layer of `ANY_CELL`, after a seed."""
    torch.manual_seed(1)
    return ANY_CELL[name](INPUT, HIDDEN, **more)
