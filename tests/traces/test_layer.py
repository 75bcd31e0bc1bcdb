"""A trace shows what the kernel computed: names, layouts, identities, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence

import glasscell
from glasscell.traces.layer import GATES, LayerTrace

LSTM_SIZES = [
    {},
    {"num_layers": 2},
    {"bidirectional": True, "num_layers": 2},
    {"proj_size": 2},
    {"bias": False},
    {"batch_first": True, "bidirectional": True},
]


def previous_cell(layer: LayerTrace) -> np.ndarray:
    """c_{t-1} in the order of work, for the layout TBH or TH."""
    start = np.zeros_like(layer.cell[:1])
    if layer.initial_cell is not None:
        start = layer.initial_cell.reshape(start.shape)
    if layer.reverse:
        return np.concatenate([layer.cell[1:], start])
    return np.concatenate([start, layer.cell[:-1]])


def assert_exact(layer: LayerTrace) -> None:
    kept = layer.forget * previous_cell(layer)
    written = layer.input * layer.candidate
    assert kept.dtype == layer.cell.dtype
    np.testing.assert_array_equal(kept + written, layer.cell)


@pytest.mark.parametrize("options", LSTM_SIZES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_hidden_is_the_output_to_the_bit_and_the_cell_follows_its_equation(
    options: dict[str, Any], dtype: torch.dtype
) -> None:
    model = torch.nn.LSTM(3, 5, **options, dtype=dtype)
    x = torch.randn((2, 9, 3) if model.batch_first else (9, 2, 3), dtype=dtype)
    with glasscell.trace(model) as trace:
        output, (_, c_n) = model(x)
    assert len(trace) == len(c_n)
    last = [name for name in trace if name.startswith(f"l{model.num_layers - 1}")]
    found = np.concatenate([trace[name].hidden for name in last], axis=-1)
    np.testing.assert_array_equal(found, output.detach().numpy())
    for row, layer in enumerate(trace.values()):
        assert layer.layout == ("BTH" if model.batch_first else "TBH")
        for index in range(2):
            one = layer.sequence(index)
            assert_exact(one)
            end = one.cell[0 if layer.reverse else -1]
            np.testing.assert_array_equal(end, c_n[row, index].detach().numpy())


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_an_rnn_has_a_hidden_state_and_nothing_else(nonlinearity: str) -> None:
    model = torch.nn.RNN(3, 4, nonlinearity=nonlinearity)
    with glasscell.trace(model) as trace:
        output, _ = model(torch.randn(6, 2, 3))
    np.testing.assert_array_equal(trace["l0"].hidden, output.detach().numpy())
    assert [getattr(trace["l0"], name) for name in GATES] == [None] * 5
    assert trace["l0"].mode == f"RNN_{nonlinearity.upper()}"


def test_a_given_state_is_where_the_cell_equation_starts() -> None:
    model = torch.nn.LSTM(3, 4)
    with glasscell.trace(model) as trace:
        model(torch.randn(6, 2, 3), (torch.randn(1, 2, 4), torch.randn(1, 2, 4)))
    assert_exact(trace["l0"])


def test_one_sequence_without_a_batch_axis_is_laid_out_as_T_H() -> None:
    model = torch.nn.LSTM(3, 4, bidirectional=True)
    with glasscell.trace(model) as trace:
        output, _ = model(torch.randn(6, 3))
    assert trace["l0"].forget.shape == (6, 4)
    np.testing.assert_array_equal(trace["l0_reverse"].hidden, output[:, 4:].detach().numpy())
    assert_exact(trace["l0_reverse"])


@pytest.mark.parametrize("bidirectional", [False, True])
def test_packed_sequences_are_laid_out_as_the_packed_output_and_found_again(
    bidirectional: bool,
) -> None:
    model = torch.nn.LSTM(3, 4, bidirectional=bidirectional)
    sequences = [torch.randn(length, 3) for length in (2, 5, 3)]
    with glasscell.trace(model) as trace:
        output, _ = model(pack_sequence(sequences, enforce_sorted=False))
    assert isinstance(output, PackedSequence)
    hidden = np.concatenate([layer.hidden for layer in trace.values()], axis=-1)
    np.testing.assert_array_equal(hidden, output.data.detach().numpy())
    for index, sequence in enumerate(sequences):
        with glasscell.trace(model) as alone:
            model(sequence)
        for name, layer in trace.items():
            one = layer.sequence(index)
            np.testing.assert_array_equal(one.cell, alone[name].cell)
            np.testing.assert_array_equal(one.hidden, alone[name].hidden)
            assert_exact(one)


def test_a_ragged_batch_shows_each_sequence_without_its_padding() -> None:
    model = glasscell.nn.LSTM(3, 4, batch_first=True)
    with glasscell.trace(model) as trace:
        model(torch.randn(3, 6, 3), lengths=[2, 0, 6])
    assert [trace["l0"].sequence(b).cell.shape for b in range(3)] == [(2, 4), (0, 4), (6, 4)]
    np.testing.assert_array_equal(trace["l0"].alive().sum(axis=0), [2, 0, 6])


def test_arrays_are_read_only_views_of_one_buffer() -> None:
    model = torch.nn.LSTM(3, 4)
    with glasscell.trace(model) as trace:
        output, _ = model(torch.randn(6, 2, 3))
    layer = trace["l0"]
    np.testing.assert_array_equal(layer.hidden, output.detach().numpy())
    assert layer.forget.base is not None
    assert layer.forget.base is layer.cell.base
    with pytest.raises(ValueError, match="read-only"):
        layer.forget[0] = 0


class Nested(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = torch.nn.LSTM(3, 4, num_layers=2)
        self.decoder = torch.nn.ModuleDict({"rnn": torch.nn.RNN(4, 5)})
        self.unused = torch.nn.LSTM(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.decoder["rnn"](self.encoder(x)[0])[0]


def test_layers_go_by_dotted_name_and_suffix_in_the_order_in_which_they_ran() -> None:
    model = Nested()
    with glasscell.trace(model) as trace:
        model(torch.randn(6, 2, 3))
    assert list(trace) == ["encoder.l0", "encoder.l1", "decoder.rnn.l0"]
    assert str(trace).splitlines()[0] == "encoder.l0  LayerTrace(LSTM, f i g o c h, TBH (6, 2, 4))"


def test_an_unknown_name_is_answered_with_those_that_there_are() -> None:
    model = Nested()
    with glasscell.trace(model) as trace:
        with pytest.raises(KeyError, match="call the model inside the block"):
            trace["encoder.l0"]
        model(torch.randn(6, 2, 3))
    with pytest.raises(KeyError, match=r"encoder.l0, encoder.l1, decoder.rnn.l0.*got 'l7'"):
        trace["l7"]
    with pytest.raises(KeyError, match="has that module, but our kernels did not run it"):
        trace["unused.l0"]


def test_the_last_of_several_calls_wins_and_all_are_kept() -> None:
    model = torch.nn.LSTM(3, 4)
    with glasscell.trace(model) as trace:
        outputs = [model(torch.randn(steps, 1, 3))[0] for steps in (2, 5, 3)]
    assert [call.hidden.shape[0] for call in trace.calls["l0"]] == [2, 5, 3]
    np.testing.assert_array_equal(trace["l0"].hidden, outputs[-1].detach().numpy())


@pytest.mark.parametrize("batch", [(), (2,)])
def test_a_loop_over_a_cell_is_one_sequence(batch: tuple[int, ...]) -> None:
    cell = torch.nn.LSTMCell(3, 4)
    x = torch.randn(2, 7, *batch, 3)
    with glasscell.trace(cell) as trace:
        for sequence in x:
            state, hidden = None, []
            for x_t in sequence:
                state = cell(x_t, state)
                hidden.append(state[0].detach().numpy())
    layer = trace["cell"]
    assert layer.cell.shape == (7, *batch, 4)
    np.testing.assert_array_equal(layer.hidden, np.stack(hidden))
    assert_exact(layer)
    assert len(trace.calls["cell"]) == 14


def test_a_cell_inside_a_model_goes_by_its_own_name() -> None:
    model = torch.nn.ModuleDict({"decoder": torch.nn.RNNCell(3, 4)})
    with glasscell.trace(model) as trace:
        model["decoder"](torch.randn(2, 3))
    assert list(trace) == ["decoder"]


def test_a_trace_reads_the_tape_of_a_training_step_and_leaves_the_gradients_alone() -> None:
    model, x = torch.nn.LSTM(3, 4), torch.randn(6, 2, 3)
    model(x)[0].sum().backward()
    expected = model.weight_hh_l0.grad.clone()
    model.zero_grad()
    with glasscell.trace(model) as trace:
        model(x)[0].sum().backward()
    torch.testing.assert_close(model.weight_hh_l0.grad, expected)
    assert_exact(trace["l0"])


def test_a_shut_input_gate_and_an_open_forget_gate_leave_the_cell_untouched() -> None:
    model = torch.nn.LSTM(3, 4)
    with torch.no_grad():
        model.bias_ih_l0[:4], model.bias_ih_l0[4:8] = -200.0, 200.0
    c0 = torch.randn(1, 2, 4)
    with glasscell.trace(model) as trace:
        model(torch.randn(50, 2, 3), (torch.zeros(1, 2, 4), c0))
    assert (trace["l0"].forget == 1).all()
    assert (trace["l0"].input == 0).all()
    np.testing.assert_array_equal(trace["l0"].cell, np.broadcast_to(c0.numpy(), (50, 2, 4)))


def test_a_model_without_recurrent_layers_is_refused() -> None:
    with (
        pytest.raises(ValueError, match="got Linear with none"),
        glasscell.trace(torch.nn.Linear(3, 4)),
    ):
        pass
    with pytest.raises(TypeError, match=r"expected model as a torch\.nn\.Module, got int"):
        glasscell.trace(3).__enter__()


def test_a_model_on_another_device_is_refused() -> None:
    model = torch.nn.Sequential(torch.nn.LSTM(3, 4, device="meta"))
    with pytest.raises(RuntimeError, match="got 0 on meta"), glasscell.trace(model):
        pass


def test_padded_and_packed_runs_of_the_same_data_show_the_same_gates() -> None:
    model = torch.nn.LSTM(3, 4, batch_first=True)
    x, lengths = torch.randn(2, 5, 3), [5, 3]
    with glasscell.trace(model) as packed:
        model(pack_padded_sequence(x, lengths, batch_first=True))
    with glasscell.trace(model) as padded:
        model(x)
    for index, length in enumerate(lengths):
        one = packed["l0"].sequence(index)
        np.testing.assert_array_equal(one.output, padded["l0"].output[index, :length])


@pytest.mark.parametrize("given", [True, False])
def test_a_cell_whose_units_all_end_at_zero_begins_anew_where_its_caller_does(given: bool) -> None:
    """Zeros are what its loop ends with, and may be what the next one begins with."""
    cell = torch.nn.RNNCell(1, 2, nonlinearity="relu")
    cell.bias_ih.data.fill_(-100.0)
    drive = [0.0, 200.0, 0.0, 0.0]
    cell.weight_ih.data.fill_(1.0)
    cell.weight_hh.data.fill_(0.0)
    with glasscell.trace(cell) as trace:
        for _ in range(2):
            state = torch.zeros(1, 2) if given else None
            for value in drive[1:3] if given else drive:
                state = cell(torch.full((1, 1), value), state)
    assert trace["cell"].hidden.shape == (2 if given else 4, 1, 2)


def test_what_the_kernels_flush_to_0_is_what_the_cells_equation_leaves_out() -> None:
    """From 1e-37 with f = 1/2: below 2^-126 the equation gives subnormal numbers, the cell 0."""
    model = torch.nn.LSTM(1, 1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    state = torch.zeros(1, 1, 1), torch.full((1, 1, 1), 1e-37)
    with glasscell.trace(model) as trace:
        model(torch.zeros(6, 1, 1), state)
    cell = trace["l0"].cell.ravel()
    smallest = np.finfo(np.float32).tiny
    expected = np.float32(1e-37) * np.float32(0.5) ** np.arange(1, 7)
    np.testing.assert_array_equal(cell, np.where(expected < smallest, 0, expected))
    assert ((expected > 0) & (expected < smallest)).any()
