"""Gradients of everything, once and twice, through every way in which torch asks for them."""

from __future__ import annotations

import contextlib
import copy
import warnings
from typing import Any

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_sequence
from torch.utils.checkpoint import checkpoint

from glasscell.nn import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell, SlowPathWarning
from nn.cases import HIDDEN, INPUT, INPUTS, LAYERS, flat, padded, pair_of, states

pytestmark = pytest.mark.filterwarnings(
    "ignore:LSTM with projections is not supported with oneDNN",
    # What is computed slowly is what these tests are about; one of them tests that it is said.
    "ignore:a derivative of a derivative",
)

SMALL: dict[str, Any] = {
    "lstm": lambda: LSTM(2, 3),
    "lstm both ways, projected": lambda: LSTM(2, 3, bidirectional=True, proj_size=2),
    "lstm two layers without bias": lambda: LSTM(2, 3, num_layers=2, bias=False),
    "gru": lambda: GRU(2, 3),
    "gru both ways": lambda: GRU(2, 3, bidirectional=True, batch_first=True),
    "gru two layers without bias": lambda: GRU(2, 3, num_layers=2, bias=False),
    "rnn both ways": lambda: RNN(2, 3, bidirectional=True, batch_first=True),
    "rnn relu": lambda: RNN(2, 3, nonlinearity="relu"),
}
ENDS: dict[str, dict[str, Any]] = {
    "whole": {},
    "lengths": {"lengths": torch.tensor([2, 0, 4])},
    "reset": {"reset": torch.tensor([[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 1, 0]]).bool()},
    "lengths and reset": {
        "lengths": [3, 4, 1],
        "reset": torch.tensor([[1, 0, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1]]).bool(),
    },
}


def _call(module: Any, ends: dict[str, Any]) -> Any:
    """A function of every tensor that the call depends on."""
    if module.batch_first and "reset" in ends:
        ends = {**ends, "reset": ends["reset"].T}
    names = [name for name, _ in module.named_parameters()]

    def run(x: Any, *rest: Any) -> Any:
        count = 2 if module.mode == "LSTM" else 1
        hx = rest[:2] if count == 2 else rest[0]
        parameters = dict(zip(names, rest[count:], strict=True))
        return tuple(flat(torch.func.functional_call(module, parameters, (x, hx), ends)))

    return run


def _leaves(module: Any) -> list[torch.Tensor]:
    size = (3, 4, 2) if module.batch_first else (4, 3, 2)
    sides = module.num_layers * (2 if module.bidirectional else 1)
    h0 = torch.randn(sides, 3, module.proj_size or 3, dtype=torch.float64)
    state = [h0, torch.randn(sides, 3, 3, dtype=torch.float64)][: 2 if module.mode == "LSTM" else 1]
    found = [torch.randn(*size, dtype=torch.float64), *state, *module.parameters()]
    return [tensor.detach().clone().requires_grad_() for tensor in found]


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("name", SMALL)
def test_first_and_second_derivatives_agree_with_differences(name: str, ends: str) -> None:
    module = SMALL[name]().double()
    run, inputs = _call(module, ENDS[ends]), _leaves(module)
    assert torch.autograd.gradcheck(run, inputs, fast_mode=ends != "whole")
    assert torch.autograd.gradgradcheck(run, inputs, fast_mode=True)


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_derivatives_of_packed_sequences_agree_with_differences(kind: Any) -> None:
    module = kind(2, 3, bidirectional=True).double()
    sizes = pack_sequence([torch.zeros(n, 2) for n in (2, 4, 1)], enforce_sorted=False)[1:]

    def run(data: torch.Tensor) -> Any:
        return tuple(flat(module(PackedSequence(data, *sizes))))

    data = torch.randn(7, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(run, data)
    assert torch.autograd.gradgradcheck(run, data)


@pytest.mark.parametrize("cell", [LSTMCell, GRUCell, RNNCell])
def test_derivatives_of_cells_agree_with_differences(cell: Any) -> None:
    module = cell(2, 3).double()
    x = torch.randn(2, 2, dtype=torch.float64, requires_grad=True)
    h = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)

    def run(x: torch.Tensor, h: torch.Tensor) -> Any:
        return module(x, (h, 2 * h) if cell is LSTMCell else h)

    assert torch.autograd.gradcheck(run, (x, h))
    assert torch.autograd.gradgradcheck(run, (x, h))


def test_a_second_derivative_is_said_to_be_slow_once() -> None:
    module, x = LSTM(2, 3), torch.randn(4, 1, 2, requires_grad=True)

    def penalty() -> None:
        (gradient,) = torch.autograd.grad(module(x)[0].sum(), x, create_graph=True)
        gradient.pow(2).sum().backward()

    with pytest.warns(SlowPathWarning, match="derivative of a derivative"):
        penalty()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        penalty()
    assert x.grad is not None


@pytest.mark.parametrize(
    "name", ["lstm all at once", "gru two layers both ways", "rnn relu two layers both ways"]
)
def test_second_derivatives_are_torchs(name: str) -> None:
    theirs, ours = (module.double() for module in pair_of(name))
    x, hx = padded(theirs, 5, 3, torch.float64), states(theirs, 3, torch.float64)
    found = []
    for module in (theirs, ours):
        leaf = x.clone().requires_grad_()
        loss = sum(r.pow(2).sum() for r in flat(module(leaf, hx)))
        gradients = torch.autograd.grad(loss, [leaf, *module.parameters()], create_graph=True)
        again = sum(g.pow(2).sum() for g in gradients)
        found.append(torch.autograd.grad(again, [leaf, *module.parameters()]))
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, rtol=1e-9, atol=1e-10)


BOTH_KINDS = pytest.mark.parametrize("name", ["lstm", "gru"])


@BOTH_KINDS
def test_a_weight_from_which_the_input_was_made_gets_its_gradient_once(name: str) -> None:
    found = []
    for module in (module.double() for module in pair_of(name)):
        x = module.weight_ih_l0[:4].sin().reshape(2, 2, INPUT)
        loss = module(x)[0].pow(2).sum()
        (gradient,) = torch.autograd.grad(loss, module.weight_ih_l0, create_graph=True)
        (second,) = torch.autograd.grad(gradient.sum(), module.weight_ih_l0)
        found.append((gradient, second))
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other)


@BOTH_KINDS
def test_batched_gradients_and_hessians_are_torchs(name: str) -> None:
    found = []
    for module in (module.double() for module in pair_of(name)):
        torch.manual_seed(5)
        x = torch.randn(3, 1, INPUT, dtype=torch.float64)

        def last(x: torch.Tensor, module: Any = module) -> torch.Tensor:
            return module(x)[0][-1, 0]

        jacobian = [
            torch.autograd.functional.jacobian(last, x, vectorize=fast) for fast in (False, True)
        ]
        hessian = torch.autograd.functional.hessian(lambda x, f=last: f(x).sum(), x)
        found.append((*jacobian, hessian))
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, atol=1e-12)


@BOTH_KINDS
def test_one_module_twice_in_a_graph_sums_both_gradients(name: str) -> None:
    found = []
    for module in (module.double() for module in pair_of(name)):
        torch.manual_seed(5)
        x = torch.randn(4, 2, INPUT, dtype=torch.float64)
        first, state = module(x)
        second, _ = module(x * first.mean(), state)
        (first.sum() + second.pow(2).sum()).backward()
        found.append([p.grad for p in module.parameters()])
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other)


def test_a_retained_graph_gives_the_same_gradient_again_and_a_freed_one_torchs_error() -> None:
    module, x = LSTM(INPUT, HIDDEN), torch.randn(4, 2, INPUT)
    loss = module(x)[0].sum()
    loss.backward(retain_graph=True)
    once = [p.grad.clone() for p in module.parameters()]
    loss.backward()
    for gradient, parameter in zip(once, module.parameters(), strict=True):
        assert torch.equal(2 * gradient, parameter.grad)
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()


@pytest.mark.parametrize("given", ["padded", "packed sorted"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", LAYERS)
def test_an_output_edited_in_place_is_refused_where_torch_refuses_and_right_elsewhere(
    name: str, dtype: torch.dtype, given: str
) -> None:
    found = []
    for module in (module.to(dtype) for module in pair_of(name)):
        torch.manual_seed(5)
        output = flat(module(INPUTS[given](module, dtype)[0]))[0]
        output.relu_().mul_(2)
        with contextlib.suppress(RuntimeError):
            output.sum().backward()
        grads = [p.grad for p in module.parameters()]
        found.append(None if grads[0] is None else grads)
    assert (found[0] is None) == (found[1] is None)
    for one, other in zip(found[0] or (), found[1] or (), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("what", ["weight", "input", "state", "output"])
def test_backward_after_an_edit_in_place_is_refused(what: str) -> None:
    module, x = LSTM(INPUT, HIDDEN), torch.randn(4, 2, INPUT)
    state = (torch.zeros(1, 2, HIDDEN), torch.zeros(1, 2, HIDDEN))
    output, _ = module(x, state)
    loss = output.sum()
    edited = {"weight": module.weight_hh_l0, "input": x, "state": state[1], "output": output}[what]
    with torch.no_grad():
        edited.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_final_states_may_be_edited_in_place() -> None:
    module, x = LSTM(INPUT, HIDDEN, num_layers=2), torch.randn(4, 2, INPUT)
    output, (h_n, c_n) = module(x)
    expected = torch.autograd.grad(output.sum(), x.requires_grad_(), allow_unused=True)
    assert expected == (None,)
    output, (h_n, c_n) = module(x)
    kept = output.detach().clone()
    (h_n.zero_().sum() + c_n.mul_(2).sum()).backward()
    assert torch.equal(output, kept)


@pytest.mark.parametrize("kind", [LSTM, GRU, RNN])
def test_gradients_of_the_two_biases_are_not_one_tensor(kind: Any) -> None:
    module = kind(INPUT, HIDDEN)
    module(torch.randn(4, 2, INPUT))[0].sum().backward()
    first, second = module.bias_ih_l0.grad, module.bias_hh_l0.grad
    # The reset gate of a GRU stands between the candidate and its recurrent bias.
    assert torch.equal(first, second) == (kind is not GRU)
    assert torch.equal(first[:HIDDEN], second[:HIDDEN])
    assert first.data_ptr() != second.data_ptr()


@pytest.mark.parametrize("frozen", ["all", "input", "recurrent"])
@pytest.mark.parametrize("kind", ["lstm two layers", "gru two layers"])
def test_only_what_requires_a_gradient_gets_one(kind: str, frozen: str) -> None:
    theirs, ours = (module.double() for module in pair_of(kind))
    x = torch.randn(4, 2, INPUT, dtype=torch.float64, requires_grad=frozen != "input")
    found = []
    for module in (theirs, ours):
        for name, parameter in module.named_parameters():
            parameter.requires_grad_(frozen == "input" or (frozen != "all" and "hh" not in name))
        x.grad = None
        module(x)[0].sum().backward()
        found.append([x.grad, *(p.grad for p in module.parameters())])
    for one, other in zip(*found, strict=True):
        assert (one is None) == (other is None)
        assert one is None or torch.allclose(one, other)


def test_gradients_that_arrive_at_states_only_or_expanded_are_torchs() -> None:
    for choose in (
        lambda y, h, c: h.sum(),
        lambda y, h, c: c[0, 0, 0],
        lambda y, h, c: y[2, 1].sum() + h.mean(),
        lambda y, h, c: y.mean(),
    ):
        found = []
        for module in (module.double() for module in pair_of("lstm bidirectional")):
            torch.manual_seed(5)
            x = torch.randn(4, 2, INPUT, dtype=torch.float64, requires_grad=True)
            y, (h, c) = module(x)
            choose(y, h, c).backward()
            found.append([x.grad, *(p.grad for p in module.parameters())])
        for one, other in zip(*found, strict=True):
            assert torch.allclose(one, other)


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_activation_checkpointing_and_saved_tensor_hooks_reach_all_that_is_kept(kind: Any) -> None:
    module, x = kind(INPUT, HIDDEN, num_layers=2), torch.randn(4, 2, INPUT, requires_grad=True)
    (expected,) = torch.autograd.grad(module(x)[0].sum(), x)
    output = checkpoint(lambda x: module(x)[0], x, use_reentrant=False)
    assert torch.equal(torch.autograd.grad(output.sum(), x)[0], expected)
    kept: list[torch.Tensor] = []

    def pack(tensor: torch.Tensor) -> int:
        kept.append(tensor.detach().clone())
        return len(kept) - 1

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda index: kept[index]):
        output = module(x)[0]
    assert sum(tensor.dim() == 4 for tensor in kept) == 2  # a tape for each layer
    assert torch.equal(torch.autograd.grad(output.sum(), x)[0], expected)


@pytest.mark.parametrize("name", LAYERS)
def test_training_steps_follow_torchs(name: str) -> None:
    theirs, ours = (module.double() for module in pair_of(name))
    x = padded(theirs, 5, 3, torch.float64)
    losses = []
    for module in (theirs, ours):
        optimizer = torch.optim.Adam(module.parameters(), lr=0.05)
        for _ in range(5):
            optimizer.zero_grad()
            loss = module(x)[0].pow(2).mean()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-8)


def test_a_copy_in_training_is_independent() -> None:
    module, x = LSTM(INPUT, HIDDEN), torch.randn(4, 2, INPUT)
    module(x)[0].sum().backward()
    twin = copy.deepcopy(module)
    twin(x)[0].sum().backward()
    assert torch.equal(twin.weight_hh_l0.grad, module.weight_hh_l0.grad)
    assert twin.weight_hh_l0.grad.data_ptr() != module.weight_hh_l0.grad.data_ptr()


@pytest.mark.parametrize("kind", [GRU, GRUCell])
def test_second_derivatives_by_a_state_do_not_need_gradients_of_weights(kind: Any) -> None:
    module = kind(2, 3).double().requires_grad_(False)
    x = torch.randn(*((4, 3, 2) if kind is GRU else (3, 2)), dtype=torch.float64)
    h0 = torch.randn(*((1, 3, 3) if kind is GRU else (3, 3)), dtype=torch.float64)
    x, h0 = x.requires_grad_(), h0.requires_grad_()
    assert torch.autograd.gradcheck(module, (x, h0))
    assert torch.autograd.gradgradcheck(module, (x, h0))
