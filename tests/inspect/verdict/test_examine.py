"""What a network does comes before what its gates suggest: kinds of network, and what is said."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from glasscell import nn
from glasscell.cells import Textbook
from glasscell.inspect import examine

STEPS, BATCH, H = 40, 8, 16


def last(out: Any) -> torch.Tensor:
    return out[0][-1].sum()


def lstm(layers: int = 1, forget: float = 5.0, **gates: float) -> Any:
    """An LSTM that remembers, with the biases of some gates moved in all layers."""
    model = nn.LSTM(2, H, layers)
    for layer in range(layers):
        book = Textbook(model, f"l{layer}")
        for name, bias in {"b_f": forget, **gates}.items():
            setattr(book, name, np.full(H, bias, np.float32))
    return model


def noise(steps: int = STEPS, batch: int = BATCH, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(steps, batch, 2)


def bits(steps: int = STEPS, batch: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    """A sign at step 0, noise after it."""
    x, sign = 0.05 * torch.randn(steps, batch, 1), torch.tensor([1.0, -1.0]).repeat(batch)[:batch]
    x[0, :, 0] = sign
    return x, sign


def tanh_latch(gain: float, size: int) -> torch.nn.Module:
    model = torch.nn.RNN(1, size, bias=False)
    model.weight_hh_l0.data = gain * torch.eye(size)
    model.weight_ih_l0.data.fill_(3.0)
    return model


def bistable_lstm(forget: float, gates: float) -> torch.nn.Module:
    """Its forget gates let go at once; a loop from h to the candidate writes the cell anew."""
    model = torch.nn.LSTM(1, 4)
    for parameter in model.parameters():
        parameter.data.zero_()
    model.bias_ih_l0.data[[0, 1, 2, 3, 12, 13, 14, 15]] = gates
    model.bias_ih_l0.data[4:8] = forget
    model.weight_hh_l0.data[8:12] = 4 * torch.eye(4)
    model.weight_ih_l0.data[8:12] = 4.0
    return model


LATCHES = {
    **{f"tanh {w} {size}": (tanh_latch, (w, size)) for w in (1.5, 3.0, 6.0) for size in (1, 8)},
    **{f"LSTM {f} {b}": (bistable_lstm, (f, b)) for f in (-5.0, 0.0) for b in (2.0, 6.0)},
}


@pytest.mark.parametrize("lag", [STEPS - 1, None])
@pytest.mark.parametrize("which", LATCHES)
def test_a_latch_remembers_though_no_gradient_and_no_forget_gate_shows_it(
    which: str, lag: int | None
) -> None:
    make, given = LATCHES[which]
    model, (x, sign) = make(*given), bits()
    answers = model(x)[0][-1].mean(-1)
    assert (answers.sign() == sign).all()
    found = examine(model, x, lambda out: (out[0][-1].mean(-1) - sign).square().sum(), lag)
    assert (found.good, found.kinds) == (True, ())
    assert "remembers through a loop: with another sequence's past before lag 39" in str(found)
    assert "changes by 100% of what it varies by" in str(found)
    assert found.said("zh").startswith("l0 通过循环回路记住")


def test_full_gates_of_a_latch_are_no_fault_while_a_little_gradient_still_arrives() -> None:
    x, _ = bits(60)
    found = examine(bistable_lstm(2.0, 7.0), x, last, 59)
    assert found.good
    assert "arrives: over 59 lags" in str(found)
    assert examine(bistable_lstm(2.0, 7.0), 0 * x + 1, last, 59).kinds[0] == "saturated"


def test_the_same_loop_too_weak_to_hold_is_called_vanishing() -> None:
    found = examine(tanh_latch(0.8, 1), bits()[0], last, STEPS - 1)
    assert found.kinds == ("vanishing",)
    found = examine(tanh_latch(0.0, 1), bits()[0], last, STEPS - 1)
    assert "drops at once" in str(found)


def test_inputs_that_end_in_zeros_do_not_look_like_memory() -> None:
    x = noise(60)
    x[1:] = 0
    assert examine(lstm(forget=-1.0), x, last, 59).kinds == ("forgets", "vanishing")
    assert examine(lstm(forget=6.0), x, last, 59).good


@pytest.mark.parametrize("factor", [0.0, 1e-6, 1e-12])
@pytest.mark.parametrize("batch", [1, BATCH])
def test_a_network_that_ignores_its_input_is_not_called_good(factor: float, batch: int) -> None:
    model = lstm()
    model.weight_ih_l0.data *= factor
    found = examine(model, noise(batch=batch), last, STEPS - 1)
    assert (found.kinds, found.good) == (("ignores",), False)
    assert "ignores its input" in str(found)
    assert "weight_ih" in found[0].advice()


def test_inputs_of_next_to_no_size_are_ignored_and_some_columns_may_be() -> None:
    assert examine(lstm(), noise(scale=1e-6), last).kinds == ("ignores",)
    model = lstm()
    model.weight_ih_l0.data[:, 0] = 0
    assert examine(model, noise(), last).good
    assert examine(lstm(), noise() * 0, last).good, "of an input of zeros nothing is known"


def test_the_layer_that_ignores_its_input_is_the_one_that_is_named() -> None:
    model = lstm(3)
    model.weight_ih_l1.data.zero_()
    found = examine(model, noise(), last)
    assert [one.layer for one in found if one.kind == "ignores"] == ["l1"]
    assert "silent" in found.kinds, "no gradient comes through it either"


def test_a_layer_that_the_input_never_reaches_is_named() -> None:
    model = torch.nn.Sequential(torch.nn.Embedding(9, 2), lstm())
    model[0].weight.data.zero_()
    found = examine(model, torch.randint(9, (STEPS, BATCH)), last)
    assert found.kinds == ("ignores",)
    assert "what it reads is the same at every step of every sequence" in str(found)
    model[1] = lstm(forget=-3.0)
    assert examine(model, torch.randint(9, (STEPS, BATCH)), last).kinds[:2] == (
        "ignores",
        "forgets",
    )
    decoder = examine(lstm(), (noise() * 0, (torch.randn(1, BATCH, H),) * 2), last)
    assert decoder.good, "a decoder that reads nothing but its state is meant so"


@pytest.mark.parametrize(("gate", "name"), [("b_i", "input"), ("b_o", "output")])
@pytest.mark.parametrize("bias", [-8.0, -12.0, -100.0])
def test_gates_that_never_open_are_named_and_not_the_forget_gates(
    gate: str, name: str, bias: float
) -> None:
    found = examine(lstm(forget=3.0, **{gate: bias}), noise(), last)
    assert not found.good
    shut = next(one for one in found if one.kind == "shut")
    assert f"has its {name} gates shut" in shut.text()
    assert "16 of 16" in shut.text()
    assert shut.advice().startswith(f"Raise the {name} gate bias")
    assert shut.value == 1


def test_input_gates_of_slow_units_are_not_shut() -> None:
    """Chrono initialisation for 1000 steps, in a window of 40 of them, and of one."""
    model = lstm()
    book = Textbook(model, "l0")
    book.b_f = np.log(np.linspace(2, 1000, H)).astype(np.float32)
    book.b_i = -book.b_f
    for steps in (STEPS, 1):
        assert examine(model, noise(steps), last).good


def test_saturation_of_candidates_or_of_cells_alone_is_named() -> None:
    flat = examine(lstm(forget=3.0, b_C=20.0), noise(), last)
    assert flat.kinds[0] == "saturated"
    assert "of the values of its candidates lie" in str(flat)
    counter = examine(lstm(forget=30.0, b_i=3.0, b_C=2.0), noise(400), last)
    assert counter.kinds[0] == "saturated"
    assert "of the values of tanh(c_t) in its cells lie" in str(counter)
    assert "Lower the forget bias or the input bias" in counter[0].advice()


@pytest.mark.parametrize("kind", ["LSTM", "tanh", "relu"])
def test_a_network_of_zeros_is_dead(kind: str) -> None:
    model = nn.LSTM(2, H) if kind == "LSTM" else nn.RNN(2, H, nonlinearity=kind)
    for parameter in model.parameters():
        parameter.data.zero_()
    found = examine(model, noise(), last)
    assert not found.good
    assert {"dead", "ignores"} <= set(found.kinds)


def grown(factor: float) -> torch.nn.Module:
    model = torch.nn.RNN(2, H, nonlinearity="relu")
    model.weight_hh_l0.data = factor * torch.eye(H)
    model.weight_ih_l0.data.abs_()
    return model


def test_states_that_overflow_are_not_finite_and_not_vanishing() -> None:
    found = examine(grown(30.0), noise().abs(), last)
    assert (found.kinds, found.good) == (("not finite",), False)
    assert "its states overflow, the first at t = 2" in str(found)
    assert "weight_hh" in found[0].advice()


def test_growth_short_of_overflow_explodes_by_its_own_factor() -> None:
    found = examine(grown(1.5), noise().abs(), last, lag=3)
    assert found.kinds == ("exploding",)
    assert "explodes by × 1.5 per step" in str(found)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_is_said_with_its_place(value: float) -> None:
    x = noise()
    x[7, 3, 0] = value
    found = examine(lstm(), x, last)
    assert found.kinds == ("not finite",)
    assert "1 NaN or infinite, the first at t = 7" in str(found)
    model = lstm()
    model.weight_hh_l0.data[3, 2] = value
    assert "has weights that are not finite" in str(examine(model, noise(), last))
    state = torch.zeros(1, BATCH, H)
    state[0, 0, 0] = value
    found = examine(lstm(), (noise(), (torch.zeros(1, BATCH, H), state)), last)
    assert found.kinds == ("not finite",)
    assert "begins from a state that is not finite" in str(found)
    found = examine(lstm(), noise(), lambda out: last(out) + value)
    assert found.kinds == ("not finite",)
    assert str(found).startswith(f"loss is not finite: its value is {value}")


def test_one_fault_does_not_hide_another() -> None:
    found = examine(lstm(forget=-3.0, b_o=-10.0), noise(), last, STEPS - 1)
    assert found.kinds == ("shut", "forgets", "vanishing")
    model = lstm(forget=-3.0)
    model.weight_ih_l0.data.zero_()
    assert examine(model, noise(), last, STEPS - 1).kinds == ("ignores", "forgets", "vanishing")


def test_only_the_layer_that_is_ill_is_named() -> None:
    model = lstm(3)
    Textbook(model, "l1").b_f = np.full(H, -6.0, np.float32)
    found = examine(model, noise(), last, STEPS - 1)
    assert {one.layer for one in found if not one.good} == {"l1"}
    assert "forgets" in found.kinds


def test_a_layer_need_not_remember_what_the_one_below_does_where_the_answers_are_right() -> None:
    model, (x, sign) = torch.nn.LSTM(1, 4, 2), bits()
    below = bistable_lstm(-5.0, 3.0)
    for name, parameter in below.named_parameters():
        getattr(model, name).data.copy_(parameter)
    for name in ("weight_ih_l1", "weight_hh_l1", "bias_ih_l1", "bias_hh_l1"):
        getattr(model, name).data.zero_()
    model.weight_ih_l1.data[8:12] = torch.eye(4)
    scale = float(model(x)[0][-1].mean(-1).abs().mean().detach())

    def right(out: Any) -> torch.Tensor:
        return (out[0][-1].mean(-1) / scale - sign).square().mean()

    found = examine(model, x, right, STEPS - 1)
    assert (found.good, found.kinds) == (True, ())
    assert "l1 carries little over the lag itself, but l0 does" in str(found)
    untold = examine(model, x, last, STEPS - 1)
    assert not untold.good, "a sum of outputs says nothing about answers"
    assert {one.layer for one in untold if not one.good} == {"l1"}


@pytest.mark.parametrize(("steps", "batch"), [(1, 1), (1, BATCH), (2, 1), (STEPS, 1)])
def test_short_and_single_sequences_have_no_fault_of_their_own(steps: int, batch: int) -> None:
    assert examine(lstm(), noise(steps, batch), last).good
    assert examine(lstm(), noise(steps, batch), last, lag=0).good


def test_a_lag_longer_than_the_data_is_said() -> None:
    found = examine(lstm(), noise(), last, lag=100)
    assert found.good
    assert "The data has 39 lags of the 100 that were asked for" in str(found)
    assert "数据只有 39 步" in found.said("zh")
    assert "asked for" not in str(examine(lstm(), noise(), last, lag=39))


def test_a_model_is_left_as_it_was() -> None:
    model = torch.nn.Sequential(torch.nn.Dropout(0.5), nn.LSTM(2, H))
    state = torch.random.get_rng_state()
    before = [parameter.clone() for parameter in model.parameters()]
    examine(model, noise(), last, STEPS - 1)
    torch.random.set_rng_state(state)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())


class Loop(torch.nn.Module):
    """A cell that the model itself steps."""

    def __init__(self, weight_ih: float = 1.0) -> None:
        super().__init__()
        self.cell = torch.nn.LSTMCell(2, H)
        self.cell.bias_ih.data[H : 2 * H] = 5.0
        self.cell.weight_ih.data *= weight_ih

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = c = torch.zeros(x.shape[1], H)
        for step in x:
            h, c = self.cell(step, (h, c))
        return h


def test_cells_are_judged_like_layers() -> None:
    assert examine(Loop(), noise(), lambda h: h.sum(), STEPS - 1).good
    found = examine(Loop(0.0), noise(), lambda h: h.sum(), STEPS - 1)
    assert found.kinds == ("ignores",)
    assert found[0].layer == "cell"
