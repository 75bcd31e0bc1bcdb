"""The equations of `glasscell.reference` are those of torch.nn.LSTM, torch.nn.GRU, torch.nn.RNN."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from glasscell import cells, reference
from glasscell.cells.parameters import Config, from_state_dict
from oracles import relative_error

CONFIGS = [
    Config(mode="LSTM", input_size=3, hidden_size=5),
    Config(mode="LSTM", input_size=3, hidden_size=5, bias=False, batch_first=True),
    Config(mode="LSTM", input_size=4, hidden_size=6, num_layers=2, bidirectional=True, proj_size=2),
    Config(mode="RNN_TANH", input_size=3, hidden_size=5, num_layers=3),
    Config(mode="RNN_RELU", input_size=3, hidden_size=5, bidirectional=True, batch_first=True),
    Config(mode="GRU", input_size=3, hidden_size=5, num_layers=2, bidirectional=True),
    Config(mode="GRU", input_size=3, hidden_size=5, bias=False, batch_first=True),
]  # fmt: skip
TOLERANCE = 1e-12


def name_of(config):
    return f"{config.mode}-L{config.num_layers}-D{config.directions}-P{config.proj_size}"


def torch_module(config):
    torch.manual_seed(0)
    options = {
        "num_layers": config.num_layers, "bias": config.bias, "batch_first": config.batch_first,
        "bidirectional": config.bidirectional, "dtype": torch.float64,
    }  # fmt: skip
    if config.mode == "LSTM":
        options["proj_size"] = config.proj_size
        return torch.nn.LSTM(config.input_size, config.hidden_size, **options)
    if config.mode == "GRU":
        return torch.nn.GRU(config.input_size, config.hidden_size, **options)
    nonlinearity = config.mode.removeprefix("RNN_").lower()
    return torch.nn.RNN(config.input_size, config.hidden_size, nonlinearity=nonlinearity, **options)


def arrays_of(module):
    return {name: value.detach().numpy() for name, value in module.state_dict().items()}


def inputs(config, T=6, B=4):
    generator, stacked = torch.Generator().manual_seed(1), len(config.suffixes())
    shape = (B, T) if config.batch_first else (T, B)
    shapes = [(*shape, config.input_size), (stacked, B, config.output_size)]
    if config.mode == "LSTM":
        shapes.append((stacked, B, config.hidden_size))
    return [
        torch.randn(shape, dtype=torch.float64, generator=generator).requires_grad_()
        for shape in shapes
    ]


def torch_outputs(module, x, states):
    output, final = module(x, tuple(states) if len(states) == 2 else states[0])
    return [output, *(final if isinstance(final, tuple) else (final,))]


def reference_outputs(run):
    return [run.output, run.h_n] + ([] if run.c_n is None else [run.c_n])


@pytest.mark.parametrize("config", CONFIGS, ids=name_of)
def test_outputs_and_all_gradients_are_those_of_torch(config):
    module, (x, *states) = torch_module(config), inputs(config)
    layers = from_state_dict(config, arrays_of(module))
    run = reference.forward(config, layers, *(t.detach().numpy() for t in (x, *states)))
    expected = torch_outputs(module, x, states)
    for actual, tensor in zip(reference_outputs(run), expected, strict=True):
        assert relative_error(actual, tensor.detach().numpy()) < TOLERANCE

    seeds = [torch.randn_like(tensor) for tensor in expected]
    torch.autograd.backward(expected, seeds)
    back = reference.backward(run, *(seed.numpy() for seed in seeds))
    gradients = [back.dx, back.dh0] + ([] if back.dc0 is None else [back.dc0])
    for actual, tensor in zip(gradients, (x, *states), strict=True):
        assert relative_error(actual, tensor.grad.numpy()) < TOLERANCE
    for suffix, layer in zip(config.suffixes(), back.layers, strict=True):
        for name in config.shapes(0):
            grad = getattr(module, f"{name}_{suffix}").grad.numpy()
            assert relative_error(getattr(layer, f"d{name}"), grad) < TOLERANCE, name


@pytest.mark.parametrize("config", CONFIGS, ids=name_of)
def test_lengths_are_what_a_packed_sequence_is_in_torch(config):
    module, (x, *states) = torch_module(config), inputs(config)
    lengths = torch.tensor([2, 6, 1, 4])
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        x, lengths, batch_first=config.batch_first, enforce_sorted=False
    )
    output, *final = torch_outputs(module, packed, states)
    padded, _ = torch.nn.utils.rnn.pad_packed_sequence(output, batch_first=config.batch_first)
    layers = from_state_dict(config, arrays_of(module))
    arrays = [t.detach().numpy() for t in (x, *states)]
    run = reference.forward(config, layers, *arrays, lengths=lengths.numpy())
    for actual, tensor in zip(reference_outputs(run), [padded, *final], strict=True):
        assert relative_error(actual, tensor.detach().numpy()) < TOLERANCE


def test_the_textbook_reads_and_writes_a_torch_module_in_place():
    module = torch.nn.LSTM(2, 3, proj_size=2, bidirectional=True)
    parameter, book = module.weight_hh_l0_reverse, cells.Textbook(module, "l0_reverse")
    W, version = 2 * book.W_f, parameter._version
    W.flags.writeable = False
    book.W_f, book.b_f = W, np.ones(3)
    np.testing.assert_array_equal(book.W_f, W)
    np.testing.assert_array_equal(book.b_f, np.ones(3))
    assert module.weight_hh_l0_reverse is parameter
    assert parameter._version > version, "autograd must see that the parameter changed"
    assert not module.bias_hh_l0_reverse[3:6].any()


def test_the_textbook_of_a_torch_cell_needs_no_suffix():
    book = cells.Textbook(torch.nn.RNNCell(2, 3, bias=False))
    assert book.W_h.shape == (3, 5)
    assert book.b_h is None


def test_the_textbook_refuses_to_write_what_a_parametrization_computes():
    module = torch.nn.LSTM(2, 3)
    torch.nn.utils.parametrizations.weight_norm(module, "weight_ih_l0")
    book, kept = cells.Textbook(module, "l0"), module.weight_hh_l0.detach().clone()
    with pytest.raises(ValueError, match="remove the parametrization"):
        book.W_f = np.zeros((3, 5))
    assert torch.equal(module.weight_hh_l0, kept)
