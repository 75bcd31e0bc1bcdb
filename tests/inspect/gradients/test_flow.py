"""Gradient flow is what torch gives for a hand-written loop, and has no side effects."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

import glasscell
from glasscell.inspect.subjects.torch_model import observed

CLOSE = {"rtol": 1e-10, "atol": 1e-300}


def norms(gradient: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(gradient).sum(axis=(1, 2)))


def last_step(out: Any) -> torch.Tensor:
    return out[0][-1].pow(2).sum()


def every_part(out: Any) -> torch.Tensor:
    """Reads all steps and both final states, each in its own way."""
    states = out[1] if isinstance(out[1], tuple) else (out[1],)
    return out[0].sin().sum() + sum((k + 2) * s.pow(2).sum() for k, s in enumerate(states))


MODELS: list[tuple[type, dict[str, Any]]] = [
    (torch.nn.LSTM, {}),
    (torch.nn.LSTM, {"num_layers": 2}),
    (torch.nn.LSTM, {"num_layers": 2, "bidirectional": True}),
    (torch.nn.LSTM, {"proj_size": 2, "num_layers": 2}),
    (torch.nn.RNN, {}),
    (torch.nn.RNN, {"num_layers": 2, "bidirectional": True}),
    (torch.nn.RNN, {"nonlinearity": "relu"}),
]


@pytest.mark.parametrize(("kind", "options"), MODELS)
@pytest.mark.parametrize("loss", [last_step, every_part])
def test_flow_equals_torch_on_a_loop_unrolled_by_hand(
    kind: type, options: dict[str, Any], loss: Any, unrolled: Any
) -> None:
    model = kind(3, 5, **options, dtype=torch.float64)
    x = torch.randn(8, 2, 3, dtype=torch.float64)
    flow = glasscell.gradient_flow(model, x, loss)
    expected = unrolled(model, x, loss)
    assert list(flow) == list(expected)
    for name, (dh, dc) in expected.items():
        np.testing.assert_allclose(flow[name].hidden, norms(dh), **CLOSE)
        if dc is None:
            assert flow[name].cell is None
            assert flow[name].cell_path is None
        else:
            np.testing.assert_allclose(flow[name].cell, norms(dc), **CLOSE)


@pytest.mark.parametrize("packed", [False, True])
def test_ragged_flow_is_the_sum_over_its_sequences(packed: bool, unrolled: Any) -> None:
    model = glasscell.nn.LSTM(3, 4, bidirectional=True, dtype=torch.float64)
    sequences = [torch.randn(length, 3, dtype=torch.float64) for length in (2, 6, 3)]
    lengths = [len(s) for s in sequences]

    def loss(out: Any) -> torch.Tensor:
        return out[1][0].pow(2).sum() + out[1][1].sum()

    if packed:
        flow = glasscell.gradient_flow(model, pack_sequence(sequences, enforce_sorted=False), loss)
    else:
        padded = torch.nn.utils.rnn.pad_sequence(sequences, padding_value=float("nan"))
        flow = glasscell.gradient_flow(Ragged(model, lengths), padded, loss)
        flow = {name.removeprefix("rnn."): layer for name, layer in flow.items()}
    squares = {name: np.zeros((2, 6)) for name in flow}
    for sequence in sequences:
        for name, (dh, dc) in unrolled(model, sequence[:, None], loss).items():
            squares[name][0, : len(sequence)] += norms(dh) ** 2
            squares[name][1, : len(sequence)] += norms(dc) ** 2
    for name, (hidden, cell) in squares.items():
        np.testing.assert_allclose(flow[name].hidden, np.sqrt(hidden), **CLOSE)
        np.testing.assert_allclose(flow[name].cell, np.sqrt(cell), **CLOSE)


class Ragged(torch.nn.Module):
    def __init__(self, rnn: torch.nn.Module, lengths: list[int]) -> None:
        super().__init__()
        self.rnn, self.lengths = rnn, lengths

    def forward(self, x: torch.Tensor) -> Any:
        return self.rnn(x, lengths=self.lengths)


@pytest.mark.parametrize("layout", ["batch first", "unbatched"])
def test_layout_makes_no_difference(layout: str) -> None:
    first = layout == "batch first"
    model = torch.nn.LSTM(3, 4, batch_first=first, dtype=torch.float64)
    x = torch.randn(7, 1, 3, dtype=torch.float64)
    flow = glasscell.gradient_flow(
        model, x.transpose(0, 1) if first else x[:, 0], lambda out: out[0].reshape(7, 4)[-1].sum()
    )
    model.batch_first = False
    plain = glasscell.gradient_flow(model, x, lambda out: out[0][-1].sum())
    np.testing.assert_array_equal(flow["l0"].cell, plain["l0"].cell)
    np.testing.assert_array_equal(flow["l0"].cell_path, plain["l0"].cell_path)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("loss", [last_step, every_part])
def test_without_recurrent_weights_everything_travels_on_the_belt(
    bidirectional: bool, loss: Any
) -> None:
    model = torch.nn.LSTM(3, 4, num_layers=2, bidirectional=bidirectional, dtype=torch.float64)
    for name, weight in model.named_parameters():
        if "weight_hh" in name:
            weight.data.zero_()
    flow = glasscell.gradient_flow(model, torch.randn(9, 2, 3, dtype=torch.float64), loss)
    for layer in flow.values():
        np.testing.assert_allclose(layer.cell_path, layer.cell, rtol=1e-12)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_belt_does_not_pass_a_reset(bidirectional: bool) -> None:
    model = glasscell.nn.LSTM(3, 4, bidirectional=bidirectional, dtype=torch.float64)
    for name, weight in model.named_parameters():
        if "weight_hh" in name:
            weight.data.zero_()
    reset = torch.zeros(9, 2, dtype=torch.bool)
    reset[3, 0] = reset[6, 0] = reset[5, 1] = True

    class Pieces(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = model

        def forward(self, x: torch.Tensor) -> Any:
            return self.rnn(x, reset=reset)

    x = torch.randn(9, 2, 3, dtype=torch.float64)
    for layer in glasscell.gradient_flow(Pieces(), x, every_part).values():
        np.testing.assert_allclose(layer.cell_path, layer.cell, rtol=1e-12)
    for layer in glasscell.gradient_flow(Pieces(), x, lambda out: out[1][1].sum()).values():
        assert (layer.cell[[0, 1, 2] if not layer.reverse else [6, 7, 8]] == 0).all()


def test_with_recurrent_weights_the_belt_is_only_a_part() -> None:
    model = torch.nn.LSTM(3, 4, dtype=torch.float64)
    x = torch.randn(9, 2, 3, dtype=torch.float64)
    layer = glasscell.gradient_flow(model, x, last_step)["l0"]
    assert layer.cell_path[-1] == layer.cell[-1]
    assert not np.isclose(layer.cell_path[0], layer.cell[0], rtol=1e-2)


def test_the_belt_is_its_equation_under_a_projection_too() -> None:
    model = torch.nn.LSTM(3, 5, proj_size=2, dtype=torch.float64)
    x = torch.randn(7, 1, 3, dtype=torch.float64)
    layer = glasscell.gradient_flow(model, x, lambda out: out[0][:-1].sum())["l0"]
    with glasscell.trace(model) as trace:
        model(x)
    seen = trace["l0"].sequence(0)
    dy = np.ones((7, 2)) * (np.arange(7) < 6)[:, None] @ model.weight_hr_l0.detach().numpy()
    belt = np.zeros((7, 5))
    for t in reversed(range(7)):
        belt[t] = seen.output[t] * (1 - np.tanh(seen.cell[t]) ** 2) * dy[t]
        if t < 6:
            belt[t] += seen.forget[t + 1] * belt[t + 1]
    np.testing.assert_allclose(layer.cell_path, np.sqrt((belt**2).sum(axis=1)), rtol=1e-12)


def test_with_open_forget_and_shut_input_gates_the_gradient_travels_unchanged_to_the_bit() -> None:
    model = torch.nn.LSTM(3, 4)
    with torch.no_grad():
        model.bias_ih_l0[:4], model.bias_ih_l0[4:8] = -200.0, 200.0
    layer = glasscell.gradient_flow(model, torch.randn(60, 2, 3), lambda out: out[1][1].sum())["l0"]
    assert (layer.cell == np.sqrt(8.0)).all()
    assert (layer.cell_path == np.sqrt(8.0)).all()
    assert np.isinf(layer.half_life).all()


def test_scaling_the_loss_scales_the_flow() -> None:
    model, x = torch.nn.LSTM(3, 4, num_layers=2), torch.randn(9, 2, 3)
    once = glasscell.gradient_flow(model, x, last_step)
    eight = glasscell.gradient_flow(model, x, lambda out: 8 * last_step(out))
    for name, layer in once.items():
        for field in ("hidden", "cell", "cell_path"):
            np.testing.assert_array_equal(8 * getattr(layer, field), getattr(eight[name], field))
        assert eight[name].judge().reach == layer.judge().reach
    assert eight.loss == 8 * once.loss


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(10, 3)
        self.norm = torch.nn.BatchNorm1d(3)
        self.rnn = torch.nn.LSTM(3, 4, num_layers=2, dropout=0.5)
        self.head = torch.nn.Linear(4, 1)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.embedding(tokens).transpose(1, 2)).transpose(1, 2)
        return self.head(self.rnn(x)[0][-1])


def test_nothing_of_the_model_or_of_torch_is_changed() -> None:
    model, tokens = Net(), torch.randint(10, (9, 2))
    model(tokens).sum().backward()
    model.head.weight.requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    grads = {name: p.grad.clone() for name, p in model.named_parameters()}
    needs = {name: p.requires_grad for name, p in model.named_parameters()}
    inside = {name: set(module.__dict__) for name, module in model.named_modules()}
    random = torch.get_rng_state()
    glasscell.gradient_flow(model, tokens, torch.sum)
    assert torch.equal(torch.get_rng_state(), random)
    assert model.training
    assert type(model.rnn) is torch.nn.LSTM
    assert {name: set(module.__dict__) for name, module in model.named_modules()} == inside
    assert {name: p.requires_grad for name, p in model.named_parameters()} == needs
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter.grad, grads[name]), name


def test_frozen_eval_and_no_grad_make_no_difference() -> None:
    model, tokens = Net().eval(), torch.randint(10, (9, 2))
    expected = glasscell.gradient_flow(model, tokens, torch.sum)
    model.requires_grad_(False)
    with torch.no_grad():
        frozen = glasscell.gradient_flow(model, tokens, torch.sum)
    with torch.inference_mode():
        inference = glasscell.gradient_flow(model, tokens.clone(), torch.sum)
    for name, layer in expected.items():
        np.testing.assert_array_equal(frozen[name].cell, layer.cell)
        np.testing.assert_array_equal(inference[name].cell, layer.cell)
    assert list(expected) == ["rnn.l0", "rnn.l1"]
    assert (expected["rnn.l0"].cell > 0).all()


def test_a_float_input_made_in_inference_mode_is_accepted() -> None:
    model = torch.nn.LSTM(3, 4)
    with torch.inference_mode():
        flow = glasscell.gradient_flow(model, torch.randn(5, 1, 3), last_step)
    assert (flow["l0"].cell > 0).all()


def test_several_arguments_come_as_a_tuple() -> None:
    model = torch.nn.LSTM(3, 4)
    state = torch.randn(1, 2, 4), torch.randn(1, 2, 4)
    flow = glasscell.gradient_flow(model, (torch.randn(5, 2, 3), state), last_step)
    assert flow["l0"].hidden.shape == (5,)


def test_keyword_arguments_go_to_the_model() -> None:
    model, x = glasscell.nn.LSTM(3, 4), torch.randn(5, 2, 3)
    loss = last_step
    expected = glasscell.gradient_flow(Ragged(model, [5, 2]), x, loss)["rnn.l0"]
    for found in (
        glasscell.gradient_flow(model, x, loss, lengths=[5, 2]),
        glasscell.gradient_flow(model, x, loss, {"lengths": [5, 2]}),
        glasscell.gradient_flow(model, (), loss, kwargs={"input": x, "lengths": [5, 2]}),
    ):
        np.testing.assert_array_equal(found["l0"].cell, expected.cell)
    with pytest.raises(TypeError, match="'length'"):
        glasscell.gradient_flow(model, x, loss, length=[5, 2])
    with pytest.raises(TypeError, match=r"use torch\.as_tensor"):
        glasscell.gradient_flow(model, (), loss, input=x.numpy())


def test_a_cell_in_a_loop_flows_as_the_layer_does() -> None:
    layer = torch.nn.LSTM(3, 4, dtype=torch.float64)
    cell = torch.nn.LSTMCell(3, 4, dtype=torch.float64)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in layer.state_dict().items()})
    x = torch.randn(7, 2, 3, dtype=torch.float64)

    class Loop(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = cell

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            state = None
            for x_t in x:
                state = self.cell(x_t, state)
            return state[0].pow(2).sum()

    found = glasscell.gradient_flow(Loop(), x, lambda out: out)["cell"]
    expected = glasscell.gradient_flow(layer, x, last_step)["l0"]
    np.testing.assert_allclose(found.hidden, expected.hidden, rtol=1e-12)
    np.testing.assert_allclose(found.cell, expected.cell, rtol=1e-12)
    assert found.cell_path is None


def test_a_layer_called_step_by_step_flows_as_if_called_once() -> None:
    model = torch.nn.LSTM(3, 4, dtype=torch.float64)
    x = torch.randn(7, 2, 3, dtype=torch.float64)

    class Chunks(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = model

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            state, outputs = None, []
            for part in x.split(2):
                output, state = self.rnn(part, state)
                outputs.append(output)
            return torch.cat(outputs)

    found = glasscell.gradient_flow(Chunks(), x, lambda out: out.sin().sum())["rnn.l0"]
    expected = glasscell.gradient_flow(model, x, lambda out: out[0].sin().sum())["l0"]
    for field in ("hidden", "cell", "cell_path"):
        np.testing.assert_allclose(getattr(found, field), getattr(expected, field), rtol=1e-12)


def test_a_layer_that_the_loss_does_not_reach_has_zeros() -> None:
    model = torch.nn.ModuleDict({"a": torch.nn.LSTM(3, 4), "b": torch.nn.RNN(3, 4)})
    model.forward = lambda x: (model["a"](x)[0], model["b"](x)[0])
    flow = glasscell.gradient_flow(model, torch.randn(5, 1, 3), lambda out: out[0][-1].sum())
    assert flow["b.l0"].hidden.tolist() == [0.0] * 5
    assert flow["b.l0"].judge().kind == "silent"


class Idle(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = torch.nn.LSTM(3, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def test_a_loss_that_is_no_scalar_or_reaches_no_layer_is_refused() -> None:
    model, x = torch.nn.LSTM(3, 4), torch.randn(5, 2, 3)
    with pytest.raises(ValueError, match=r"got shape \(5, 2, 4\)"):
        glasscell.gradient_flow(model, x, lambda out: out[0])
    with pytest.raises(TypeError, match="got float"):
        glasscell.gradient_flow(model, x, lambda out: 1.0)
    with pytest.raises(ValueError, match="look for detach"):
        glasscell.gradient_flow(model, x, lambda out: out[0].detach().sum())
    with pytest.raises(ValueError, match="look for detach"):
        glasscell.gradient_flow(model, x, lambda out: model.weight_hh_l0.sum())
    with pytest.raises(ValueError, match="look for detach"):
        glasscell.gradient_flow(model, x, lambda out: torch.zeros((), requires_grad=True))
    with pytest.raises(ValueError, match="none did: they were not called"):
        glasscell.gradient_flow(Idle(), x, torch.sum)
    with pytest.raises(KeyError, match="no layer 'l7'; known: l0"):
        glasscell.gradient_flow(model, x, last_step)["l7"]


def test_printed_a_flow_is_a_table_and_a_verdict() -> None:
    model = torch.nn.LSTM(3, 4, num_layers=2)
    flow = glasscell.gradient_flow(model, torch.randn(40, 2, 3), last_step)
    table, _, verdict = str(flow).partition("\n\n")
    assert [line.split()[0] for line in table.splitlines()] == ["layer", "l0", "l1"]
    assert verdict.startswith("l0 vanishes after ")
    assert max(map(len, str(flow).splitlines())) <= 100


@pytest.mark.parametrize("build", [lambda: torch.nn.LSTM(2, 3, 2), lambda: Looped()])
def test_nothing_of_a_measurement_stays_in_memory(build: Any) -> None:
    model = build()
    recorder, _ = observed(model, torch.randn(5, 2, 2), lambda out: out[0].sum())
    gone = weakref.ref(recorder)
    del recorder
    gc.collect()
    assert gone() is None


class Looped(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = torch.nn.LSTMCell(2, 3)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        state = None
        for step in x:
            state = self.cell(step, state)
        return [state[0]]


@pytest.mark.parametrize("packed", [False, True])
def test_the_belt_of_a_reverse_layer_is_0_where_a_sequence_has_ended(packed: bool) -> None:
    model = glasscell.nn.LSTM(1, 2, bidirectional=True)
    sequences = [torch.randn(length, 1) for length in (4, 2)]

    def loss(out: Any) -> torch.Tensor:
        output = pad_packed_sequence(out[0])[0] if packed else out[0]
        return output[0, 1].sum()

    if packed:
        found = glasscell.gradient_flow(model, pack_sequence(sequences), loss)["l0_reverse"]
    else:
        padded = torch.nn.utils.rnn.pad_sequence(sequences)
        found = glasscell.gradient_flow(Ragged(model, [4, 2]), padded, loss)["rnn.l0_reverse"]
    assert (found.cell_path[:2] > 0).all()
    assert (found.cell_path[2:] == 0).all()


def test_a_call_that_begins_with_zeros_is_no_continuation_of_one_that_shows_zeros() -> None:
    rnn, zeros = torch.nn.LSTM(1, 2), torch.zeros(1, 1, 2)
    rnn.bias_ih_l0.data[6:] = -200.0  # output gates of 0 in float32, over a cell that is not

    class Twice(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = rnn

        def forward(self, x: torch.Tensor) -> Any:
            self.rnn(x, (zeros, zeros))
            return self.rnn(x, (zeros, zeros))

    flow = glasscell.gradient_flow(Twice(), torch.randn(5, 1, 1), lambda out: out[1][1].sum())
    assert len(flow["rnn.l0"].cell) == 5
