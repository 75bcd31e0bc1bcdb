"""A layer run again with another past: what it remembers, whether or not a gradient shows it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import glasscell
from glasscell.cells.parameters import LayerWeights
from glasscell.inspect import LayerTrace, exchange, layer_weights

STEPS, BATCH = 30, 12


def latch(gain: float = 3.0, **options: Any) -> torch.nn.RNN:
    """One tanh unit that keeps the sign of its first input, if its own weight is above 1."""
    model = torch.nn.RNN(1, 1, **options)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.fill_(gain if "hh" in name and "weight" in name else 3.0)
            if "bias" in name:
                parameter.zero_()
    return model


def pulses(steps: int = STEPS, batch: int = BATCH, reverse: bool = False) -> torch.Tensor:
    x = 0.05 * torch.randn(steps, batch, 1)
    x[-1 if reverse else 0, :, 0] = torch.tensor([1.0, -1.0]).repeat(batch)[:batch]
    return x


def traced(model: torch.nn.Module, *given: Any) -> tuple[LayerTrace, LayerWeights]:
    with torch.no_grad(), glasscell.trace(model) as seen:
        model(*given)
    name = list(seen)[-1]
    return seen[name], layer_weights(model, name)


@pytest.mark.parametrize(("gain", "holds"), [(3.0, True), (1.8, True), (0.8, False), (0.0, False)])
def test_a_latch_is_told_from_a_network_that_forgets(gain: float, holds: bool) -> None:
    found = exchange(*traced(latch(gain), pulses()), STEPS - 1)
    assert found is not None
    assert (found.held > 0.9) == holds
    assert (found.held < 0.02) == (not holds)
    assert found.reads > 0.1


def test_what_is_held_is_what_an_exchange_by_hand_finds() -> None:
    """The same by torch alone: states are exchanged with the next sequence's after step 9."""
    model, x = torch.nn.LSTM(2, 5, dtype=torch.float64), torch.randn(20, 4, 2).double()
    model.bias_ih_l0.data[5:10] = 6.0
    x[:10] += torch.tensor([-2.0, 2.0, -2.0, 2.0])[:, None]
    x[10:] *= 0.1
    with torch.no_grad():
        output, _ = model(x)
        _, state = model(x[:10])
        _, (after, _) = model(x[10:], tuple(part.roll(-1, 1) for part in state))
    deviation = output.flatten(0, 1).std(0, correction=0)
    change = (after[0] - output[-1]).square().mean(0).sqrt()
    expected = float((change / (np.sqrt(2) * deviation)).max())
    layer, weights = traced(model, x)
    assert 0.5 < expected < 1
    assert exchange(layer, weights, 10).held == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("how", ["batch_first", "unbatched", "packed", "reverse", "one", "double"])
def test_layouts_and_directions_do_not_matter(how: str) -> None:
    x, options = pulses(reverse=how == "reverse"), {}
    if how == "batch_first":
        x, options = x.transpose(0, 1), {"batch_first": True}
    elif how == "unbatched":
        x = x[:, 0]
    elif how == "one":
        x = x[:, :1]
    elif how == "packed":
        x = torch.nn.utils.rnn.pack_sequence([x[: STEPS - k, k] for k in range(BATCH)])
    elif how == "reverse":
        options = {"bidirectional": True}
    elif how == "double":
        x, options = x.double(), {"dtype": torch.float64}
    model = latch(3.0, **options)
    found = exchange(*traced(model, x), 15)
    assert found is not None
    assert found.held > 0.9
    assert found.moves < 0.1


def test_a_first_step_that_all_sequences_share_is_passed_over() -> None:
    x = torch.cat([torch.full((3, BATCH, 1), 0.1), pulses()])
    found = exchange(*traced(latch(), x), STEPS + 2)
    assert found is not None
    assert found.lag == STEPS - 1
    assert found.held > 0.9


def test_a_state_that_was_cut_off_by_a_reset_is_not_held() -> None:
    model = glasscell.nn.RNN(1, 1)
    model.load_state_dict(latch().state_dict())
    reset = torch.zeros(STEPS, BATCH, dtype=torch.bool)
    reset[15] = True
    with torch.no_grad(), glasscell.trace(model) as seen:
        model(pulses(), reset=reset)
    assert exchange(seen["l0"], layer_weights(model, "l0"), STEPS - 1).held == 0
    assert exchange(seen["l0"], layer_weights(model, "l0"), 10).held > 0


@pytest.mark.parametrize("batch", [1, 4])
def test_a_layer_without_input_weights_reads_nothing(batch: int) -> None:
    model = torch.nn.LSTM(3, 8)
    model.weight_ih_l0.data.zero_()
    found = exchange(*traced(model, torch.randn(20, batch, 3)), 19)
    assert found is not None
    assert found.reads == 0
    assert np.isnan(found.held)
    model.weight_ih_l0.data[:, 1] = 0.5
    assert exchange(*traced(model, torch.randn(20, batch, 3)), 19).reads > 0.1


def test_nothing_is_said_where_nothing_can_be_compared() -> None:
    layer, weights = traced(latch(), pulses())
    assert exchange(replace(layer, x=None), weights, 5) is None
    assert exchange(*traced(latch(), torch.zeros(9, 2, 1)), 5) is None
    broken = pulses()
    broken[4, 1] = np.nan
    assert exchange(*traced(latch(), broken), 5) is None
    other = replace(weights, weight_hh=weights.weight_hh - 2)
    assert exchange(layer, other, 5) is None
    assert np.isnan(exchange(layer, weights, STEPS).held)


def test_a_trace_keeps_what_the_layer_read() -> None:
    model, x = torch.nn.LSTM(2, 4, num_layers=2), torch.randn(7, 3, 2)
    with torch.no_grad(), glasscell.trace(model) as seen:
        model(x)
    np.testing.assert_array_equal(seen["l0"].x, x.numpy())
    np.testing.assert_array_equal(seen["l1"].x, seen["l0"].hidden)
    np.testing.assert_array_equal(seen["l1"].sequence(2).x, seen["l0"].hidden[:, 2])


def test_a_saved_models_trace_does_too(tmp_path: Any) -> None:
    model = torch.nn.Sequential(torch.nn.LSTM(1, 3, batch_first=True))
    x = np.random.default_rng(0).normal(size=(4, 6, 1)).astype(np.float32)
    run = glasscell.load(glasscell.save(model, tmp_path / "m")).run(x, trace=True)
    (layer,) = run.trace.values()
    np.testing.assert_array_equal(layer.x, x)
    weights = layer_weights(model[0], "l0")
    assert exchange(layer, weights, 5).held > 0
