"""In everything that a caller can see ours is torch's module: results, names, values, text."""

from __future__ import annotations

import copy
import inspect
import io
import pickle
from typing import Any

import pytest
import torch

import glasscell.nn
from nn.cases import HIDDEN, INPUT, INPUTS, LAYERS, error, everything, flat, floor, pair_of

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")

CELLS = {"LSTMCell": {}, "GRUCell": {}, "RNNCell": {}, "RNNCell relu": {"nonlinearity": "relu"}}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("given", INPUTS)
@pytest.mark.parametrize("name", LAYERS)
def test_results_and_all_gradients_are_as_near_to_the_truth_as_torchs(
    name: str, given: str, dtype: torch.dtype
) -> None:
    theirs, ours = pair_of(name)
    input, hx = INPUTS[given](theirs, torch.float64)
    if dtype is torch.float32:  # numbers that both precisions hold
        input, hx = _rounded(input), None if hx is None else _rounded_state(hx)
    truth = everything(theirs, input, hx, torch.float64)
    theirs_found = everything(theirs, input, hx, dtype)
    for label, found in everything(ours, input, hx, dtype).items():
        assert found.shape == truth[label].shape, label
        assert found.dtype == dtype, label
        allowed = 2 * error(theirs_found[label], truth[label]) + floor(truth[label], dtype)
        assert error(found, truth[label]) <= allowed, label


def _rounded(input: Any) -> Any:
    if isinstance(input, torch.Tensor):
        return input.float().double()
    return type(input)(input.data.float().double(), *input[1:])


def _rounded_state(hx: Any) -> Any:
    return tuple(s.float().double() for s in hx) if isinstance(hx, tuple) else hx.float().double()


@pytest.mark.parametrize("given", INPUTS)
@pytest.mark.parametrize("name", LAYERS)
def test_results_are_laid_out_in_memory_as_torchs(name: str, given: str) -> None:
    theirs, ours = pair_of(name)
    input, hx = INPUTS[given](theirs, torch.float32)
    for one, other in zip(flat(ours(input, hx)), flat(theirs(input, hx)), strict=True):
        # The stride of an axis of length one says nothing about memory.
        strides = [
            [s for s, n in zip(tensor.stride(), tensor.shape, strict=True) if n > 1]
            for tensor in (one, other)
        ]
        assert strides[0] == strides[1]
        assert one.requires_grad


@pytest.mark.parametrize("name", LAYERS)
def test_the_same_seed_gives_the_same_parameters_under_the_same_names(name: str) -> None:
    theirs, ours = pair_of(name)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for key, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[key], value)
    assert repr(ours) == repr(theirs)
    assert isinstance(ours, type(theirs))


@pytest.mark.parametrize("name", LAYERS)
def test_weights_load_in_both_directions(name: str) -> None:
    theirs, ours = pair_of(name)
    input, hx = INPUTS["with state"](theirs, torch.float64)
    theirs, ours = theirs.double(), ours.double()
    ours.reset_parameters()
    before = flat(ours(input, hx))[0]
    theirs.load_state_dict(ours.state_dict())
    assert torch.allclose(flat(theirs(input, hx))[0], before)
    theirs.reset_parameters()
    ours.load_state_dict(theirs.state_dict())
    assert torch.allclose(flat(ours(input, hx))[0], flat(theirs(input, hx))[0])


def test_the_constructors_take_torchs_arguments() -> None:
    for name in ("LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell", "Linear"):
        ours, theirs = getattr(glasscell.nn, name), getattr(torch.nn, name)
        options = {"checkpoint", "init", "forget_bias", "lag"}
        more = options if name in ("LSTM", "GRU", "RNN") else set()
        taken, known = (inspect.signature(one.__init__).parameters for one in (ours, theirs))
        assert [key for key in taken if key not in more] == list(known)
        assert all(taken[key].kind is known[key].kind for key in known)
        made = ours(3, 4, device="meta", dtype=torch.float64)
        assert {(p.device.type, p.dtype) for p in made.parameters()} == {("meta", torch.float64)}


def test_dropout_draws_the_same_masks_as_torchs() -> None:
    for name in (
        "lstm three layers both ways",
        "gru two layers both ways",
        "rnn relu two layers both ways",
        "lstm all at once",
    ):
        theirs, ours = (module.double() for module in pair_of(name, dropout=0.4))
        input, hx = INPUTS["with state"](theirs, torch.float64)
        found = []
        for module in (theirs, ours):
            torch.manual_seed(3)
            found.append(module(input, hx)[0])
        assert torch.allclose(*found, atol=1e-12)
        assert not torch.allclose(found[1], ours.eval()(input, hx)[0])


@pytest.mark.parametrize("name", ["lstm two layers", "gru two layers"])
def test_dropout_of_packed_sequences_draws_the_same_masks_as_torchs(name: str) -> None:
    theirs, ours = (m.double() for m in pair_of(name, dropout=0.4))
    input, _ = INPUTS["packed unsorted"](theirs, torch.float64)
    found = []
    for module in (theirs, ours):
        torch.manual_seed(3)
        found.append(module(input)[0].data)
    assert torch.allclose(*found, atol=1e-12)


@pytest.mark.parametrize("batch", [None, 1, 4])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", CELLS)
def test_cells_step_as_torchs(name: str, bias: bool, batch: int | None) -> None:
    theirs, ours = _cells(name, bias=bias)
    lead = () if batch is None else (batch,)
    x = torch.randn(*lead, INPUT, dtype=torch.float64)
    h = torch.randn(*lead, HIDDEN, dtype=torch.float64)
    hx = (h, torch.randn_like(h)) if "LSTM" in name else h
    for state in (None, hx):
        found, expected = ours(x, state), theirs(x, state)
        for one, other in zip(_tuple(found), _tuple(expected), strict=True):
            assert one.shape == other.shape
            assert torch.allclose(one, other, atol=1e-14)
    grads = [
        torch.autograd.grad(sum(r.sum() for r in _tuple(m(x, hx))), m.parameters())
        for m in (ours, theirs)
    ]
    for one, other in zip(*grads, strict=True):
        assert torch.allclose(one, other, atol=1e-13)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())


def _cells(name: str, **more: Any) -> tuple[torch.nn.Module, torch.nn.Module]:
    kind, made = name.split()[0], []
    for library in (torch.nn, glasscell.nn):
        torch.manual_seed(1)
        cell = getattr(library, kind)(INPUT, HIDDEN, **CELLS[name], **more)
        made.append(cell.double())
    return made[0], made[1]


def _tuple(result: Any) -> tuple[torch.Tensor, ...]:
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_a_loop_of_cell_steps_is_the_layer_to_the_bit(kind: str) -> None:
    layer = getattr(glasscell.nn, kind)(INPUT, HIDDEN)
    cell = getattr(glasscell.nn, f"{kind}Cell")(INPUT, HIDDEN)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in layer.state_dict().items()})
    x = torch.randn(9, 3, INPUT)
    output, *last = flat(layer(x))
    state = None
    for t in range(9):
        state = cell(x[t], state)
        assert torch.equal(_tuple(state)[0], output[t])
    for one, other in zip(_tuple(state), last, strict=True):
        assert torch.equal(one, other[0])


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_copies_and_pickles_compute_the_same_and_carry_no_packed_weights(kind: str) -> None:
    module = getattr(glasscell.nn, kind)(INPUT, HIDDEN, num_layers=2)
    x = torch.randn(4, 2, INPUT)
    expected = module(x)[0]
    buffer = io.BytesIO()
    torch.save(module, buffer)
    buffer.seek(0)
    copies = [
        copy.deepcopy(module),
        copy.copy(module),
        pickle.loads(pickle.dumps(module)),
        torch.load(buffer, weights_only=False),
    ]
    size = len(pickle.dumps(module))
    assert size < len(pickle.dumps(getattr(torch.nn, kind)(INPUT, HIDDEN, num_layers=2))) + 200
    for made in copies:
        assert type(made) is getattr(glasscell.nn, kind)
        assert torch.equal(made(x)[0], expected)
    with torch.no_grad():
        copies[0].weight_hh_l0.zero_()
    assert torch.equal(module(x)[0], expected)
    assert not torch.equal(copies[0](x)[0], expected)
    assert not any("glasscell" in key for key in module.state_dict())


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_no_graph_is_built_without_grad_mode(kind: str) -> None:
    module, x = getattr(glasscell.nn, kind)(INPUT, HIDDEN), torch.randn(4, 2, INPUT)
    with torch.no_grad():
        assert not module(x)[0].requires_grad
    with torch.inference_mode():
        assert module(x)[0].is_inference()
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    assert not module(x)[0].requires_grad
    assert module(x.requires_grad_())[0].requires_grad


def test_linear_is_torchs_linear_with_bits_that_do_not_depend_on_the_batch() -> None:
    torch.manual_seed(1)
    theirs = torch.nn.Linear(37, 5)
    torch.manual_seed(1)
    ours = glasscell.nn.Linear(37, 5)
    x = torch.randn(7, 3, 37)
    assert torch.allclose(ours(x), theirs(x), atol=1e-5)
    for row, expected in zip(x.reshape(-1, 37), ours(x).reshape(-1, 5), strict=True):
        assert torch.equal(ours(row), expected)
    double = copy.deepcopy(ours).double()
    assert torch.autograd.gradcheck(double, (x.double().requires_grad_(),))
    assert torch.autograd.gradgradcheck(double, (x.double().requires_grad_(),))
    with pytest.raises(RuntimeError):
        ours(torch.zeros(2, 36))


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell"])
def test_a_call_leaves_the_callers_memory_resizable(kind: str) -> None:
    """Sharded training frees and fills the storage of parameters between the calls."""
    module = getattr(glasscell.nn, kind)(INPUT, HIDDEN)
    x = torch.randn(3, INPUT, requires_grad=True)
    found = module(x)
    torch.stack(
        [result.sum() for result in torch.utils._pytree.tree_leaves(found)]
    ).sum().backward()
    for tensor in (x, *module.parameters()):
        assert tensor.untyped_storage().resizable()
