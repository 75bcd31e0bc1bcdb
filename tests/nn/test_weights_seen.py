"""Weights are read at every call: however they were changed, the next call knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn.utils import parametrizations, parametrize, prune

from glasscell.nn import LSTM, LSTMCell
from nn.cases import HIDDEN, INPUT, pair_of

pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")


def _by_optimizer(module: Any) -> None:
    for parameter in module.parameters():
        parameter.grad = torch.ones_like(parameter)
    torch.optim.SGD(module.parameters(), lr=0.1).step()


def _in_place(module: Any) -> None:
    with torch.no_grad():
        module.weight_hh_l0.mul_(1.5)


def _through_data(module: Any) -> None:
    module.weight_hh_l0.data.mul_(1.5)


def _through_a_numpy_view(module: Any) -> None:
    module.bias_ih_l0.detach().numpy()[3] += 0.25


def _one_bit(module: Any) -> None:
    weight = module.weight_ih_l0.data
    weight[1, 1] = torch.nextafter(weight[1, 1], torch.tensor(9.0))
    weight[1, 1] *= 1 + 2**-8


def _new_data(module: Any) -> None:
    module.weight_hh_l0.data = module.weight_hh_l0.data * 1.5


def _new_parameter(module: Any) -> None:
    module.weight_hh_l0 = torch.nn.Parameter(module.weight_hh_l0.detach() * 1.5)


def _transposed_parameter(module: Any) -> None:
    turned = (module.weight_hh_l0.detach() * 1.5).T.contiguous().T
    module.weight_hh_l0 = torch.nn.Parameter(turned)


def _loaded(module: Any) -> None:
    state = {k: v * 1.5 for k, v in module.state_dict().items()}
    module.load_state_dict(state)


def _assigned(module: Any) -> None:
    state = {k: v * 1.5 for k, v in module.state_dict().items()}
    module.load_state_dict(state, assign=True)


def _reset(module: Any) -> None:
    torch.manual_seed(7)
    module.reset_parameters()


def _other_dtype_and_back(module: Any) -> None:
    module.double()
    with torch.no_grad():
        module.weight_hh_l0.mul_(1.5)
    module.float()


CHANGES: list[Callable[[Any], None]] = [
    _by_optimizer,
    _in_place,
    _through_data,
    _through_a_numpy_view,
    _one_bit,
    _new_data,
    _new_parameter,
    _transposed_parameter,
    _loaded,
    _assigned,
    _reset,
    _other_dtype_and_back,
]


@pytest.mark.parametrize("name", ["lstm", "gru"])
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
def test_a_change_between_two_calls_is_seen(change: Callable[[Any], None], name: str) -> None:
    theirs, ours = pair_of(name)
    x = torch.randn(4, 2, INPUT)
    before = ours(x)[0].detach().clone()
    theirs(x)
    for module in (theirs, ours):
        change(module)
    assert not torch.equal(ours(x)[0], before)
    assert torch.allclose(ours(x)[0], theirs(x)[0], atol=1e-6)


def test_a_change_of_dtype_is_seen() -> None:
    theirs, ours = pair_of("lstm two layers")
    for dtype in (torch.float32, torch.float64, torch.float32):
        x = torch.randn(4, 2, INPUT, dtype=dtype)
        assert torch.allclose(ours.to(dtype)(x)[0], theirs.to(dtype)(x)[0], atol=1e-6)


def _spectral(module: Any) -> None:
    parametrizations.spectral_norm(module, "weight_hh_l0")


def _weight_norm(module: Any) -> None:
    parametrizations.weight_norm(module, "weight_hh_l0")


def _old_weight_norm(module: Any) -> None:
    torch.nn.utils.weight_norm(module, "weight_hh_l0")


def _pruned(module: Any) -> None:
    prune.l1_unstructured(module, "weight_ih_l0", amount=0.5)


class _Doubled(torch.nn.Module):
    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return 2 * weight


def _custom(module: Any) -> None:
    parametrize.register_parametrization(module, "bias_hh_l0", _Doubled())


@pytest.mark.parametrize(
    "wrap", [_spectral, _weight_norm, _old_weight_norm, _pruned, _custom], ids=lambda w: w.__name__
)
def test_parametrized_weights_train_as_torchs(wrap: Callable[[Any], None]) -> None:
    losses = []
    for module in (module.double() for module in pair_of("lstm")):
        torch.manual_seed(4)
        x = torch.randn(4, 2, INPUT, dtype=torch.float64)
        module(x)
        wrap(module)
        # Spectral norm takes a step of its power iteration at each read in training mode, and
        # torch reads more often than once a call; in evaluation it does not.
        module.eval()
        optimizer = torch.optim.SGD(module.parameters(), lr=0.2)
        for _ in range(4):
            optimizer.zero_grad()
            loss = module(x)[0].pow(2).sum()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)


def test_functional_call_uses_the_given_weights_and_gives_them_gradients() -> None:
    module, x = LSTM(INPUT, HIDDEN), torch.randn(4, 2, INPUT)
    before = module(x)[0]
    given = {k: (v.detach() * 0.5).requires_grad_() for k, v in module.named_parameters()}
    output = torch.func.functional_call(module, given, (x,))[0]
    output.sum().backward()
    assert not torch.equal(output, before)
    assert all(tensor.grad is not None for tensor in given.values())
    assert all(parameter.grad is None for parameter in module.parameters())
    assert torch.equal(module(x)[0], before)


def test_a_write_past_torchs_version_counter_does_not_reach_a_graph_that_exists() -> None:
    module, x = LSTM(INPUT, HIDDEN), torch.randn(4, 2, INPUT)
    expected = torch.autograd.grad(module(x.requires_grad_())[0].sum(), x)
    output = module(x)[0]
    module.weight_hh_l0.data.zero_()
    assert torch.equal(torch.autograd.grad(output.sum(), x)[0], expected[0])


def test_modules_that_share_their_parameters_follow_each_other() -> None:
    first, second = LSTM(INPUT, HIDDEN), LSTM(INPUT, HIDDEN)
    for name, parameter in first.named_parameters():
        setattr(second, name, parameter)
    x = torch.randn(4, 2, INPUT)
    with torch.no_grad():
        first(x)
        second.weight_ih_l0.mul_(3)
    assert torch.equal(first(x)[0], second(x)[0])


def test_cells_see_changes_too() -> None:
    cell, x = LSTMCell(INPUT, HIDDEN), torch.randn(2, INPUT)
    before = cell(x)[0]
    cell.weight_ih.data.mul_(2)
    assert not torch.equal(cell(x)[0], before)


def test_hooks_on_the_module_its_state_and_its_gradients_are_called() -> None:
    module, seen = LSTM(INPUT, HIDDEN), []
    module.register_forward_pre_hook(lambda *_: seen.append("before"))
    module.register_forward_hook(lambda *_: seen.append("after"))
    module.register_full_backward_hook(lambda *_: seen.append("backward"))
    module._register_state_dict_hook(lambda *_: seen.append("state_dict"))
    module.weight_hh_l0.register_hook(lambda gradient: seen.append("gradient"))
    module(torch.randn(4, 2, INPUT, requires_grad=True))[0].sum().backward()
    module.state_dict()
    assert sorted(seen) == ["after", "backward", "before", "gradient", "state_dict"]
