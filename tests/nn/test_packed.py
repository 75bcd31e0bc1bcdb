"""Ragged batches: packed sequences, `lengths` and `reset` all mean each sequence by itself."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch.nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
)

from glasscell.nn import LSTM, RNN
from nn.cases import HIDDEN, INPUT, LAYERS, padded, pair_of, states

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")

LENGTHS = [3, 7, 1, 7, 4]


def _in_batch(module: Any, tensor: torch.Tensor, b: int) -> torch.Tensor:
    return tensor[b] if module.batch_first else tensor[:, b]


def _state_of(hx: Any, b: int) -> Any:
    return tuple(s[:, b] for s in hx) if isinstance(hx, tuple) else hx[:, b]


def _as_tuple(hx: Any) -> tuple[torch.Tensor, ...]:
    return hx if isinstance(hx, tuple) else (hx,)


@pytest.mark.parametrize("name", LAYERS)
def test_lengths_give_each_sequence_what_it_gets_alone(name: str) -> None:
    _, module = pair_of(name)
    x, hx = padded(module, 8, 6, torch.float32), states(module, 6, torch.float32)
    lengths = [*LENGTHS, 0]
    output, state = module(x, hx, lengths=torch.tensor(lengths))
    for b, n in enumerate(lengths):
        mine = _in_batch(module, output, b)
        assert not mine[n:].any()
        expected_state = _state_of(hx, b)
        if n:
            expected, expected_state = module(_in_batch(module, x, b)[:n], expected_state)
            assert torch.equal(mine[:n], expected)
        for one, other in zip(
            _as_tuple(_state_of(state, b)), _as_tuple(expected_state), strict=True
        ):
            assert torch.equal(one, other)


@pytest.mark.parametrize("name", LAYERS)
def test_lengths_and_packed_sequences_agree_to_the_bit(name: str) -> None:
    _, module = pair_of(name)
    first = module.batch_first
    x, hx = padded(module, 7, 5, torch.float32), states(module, 5, torch.float32)
    packed = pack_padded_sequence(x, LENGTHS, batch_first=first, enforce_sorted=False)
    found, packed_state = module(packed, hx)
    assert isinstance(found, PackedSequence)
    unpacked, lengths = pad_packed_sequence(found, batch_first=first)
    assert lengths.tolist() == LENGTHS
    output, state = module(x, hx, lengths=LENGTHS)
    assert torch.equal(unpacked, output)
    for one, other in zip(_as_tuple(packed_state), _as_tuple(state), strict=True):
        assert torch.equal(one, other)


def test_packed_and_padded_sequences_have_equal_gradients() -> None:
    found = []
    for packed in (True, False):
        module = pair_of("lstm three layers both ways")[1].double()
        torch.manual_seed(2)
        x = torch.randn(7, 5, INPUT, dtype=torch.float64, requires_grad=True)
        if packed:
            sequences = pack_padded_sequence(x, LENGTHS, enforce_sorted=False)
            output, (h_n, c_n) = module(sequences)
            output = pad_packed_sequence(output)[0]
        else:
            output, (h_n, c_n) = module(x, lengths=LENGTHS)
        (output.pow(2).sum() + h_n.sum() + c_n.pow(2).sum()).backward()
        found.append([x.grad, *(p.grad for p in module.parameters())])
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, rtol=1e-12, atol=1e-13)


def test_what_stands_after_the_end_changes_nothing() -> None:
    module, x = LSTM(INPUT, HIDDEN, num_layers=2, bidirectional=True), torch.randn(7, 5, INPUT)
    expected, _ = module(x, lengths=LENGTHS)
    for b, n in enumerate(LENGTHS):
        x[n:, b] = float("nan")
    output, (h_n, c_n) = module(x, lengths=LENGTHS)
    assert torch.equal(output, expected)
    (output.sum() + h_n.sum() + c_n.sum()).backward()
    assert all(p.grad.isfinite().all() for p in module.parameters())


def test_sequences_of_no_steps_pass_their_state_and_its_gradient_through() -> None:
    module = RNN(INPUT, HIDDEN, bidirectional=True)
    h0 = torch.randn(2, 3, HIDDEN, requires_grad=True)
    output, h_n = module(torch.randn(4, 3, INPUT), h0, lengths=[0, 0, 0])
    assert not output.any()
    assert torch.equal(h_n, h0)
    h_n.backward(torch.ones_like(h_n))
    assert torch.equal(h0.grad, torch.ones_like(h0))


@pytest.mark.parametrize("name", LAYERS)
def test_reset_cuts_a_sequence_into_pieces_that_start_from_the_given_state(name: str) -> None:
    _, module = pair_of(name)
    x, hx = padded(module, 7, 2, torch.float32), states(module, 2, torch.float32)
    cuts = [[3, 4], [1]]
    reset = torch.zeros(7, 2, dtype=torch.bool)
    for b, starts in enumerate(cuts):
        reset[starts, b] = True
    output, _ = module(x, hx, reset=reset.T if module.batch_first else reset)
    for b, starts in enumerate(cuts):
        row, edges = _in_batch(module, x, b), [0, *starts, 7]
        pieces = [
            module(row[begin:end], _state_of(hx, b))[0] for begin, end in itertools.pairwise(edges)
        ]
        assert torch.equal(_in_batch(module, output, b), torch.cat(pieces))


def test_final_states_after_a_reset_are_those_of_the_piece_that_ends_the_walk() -> None:
    module, x = LSTM(INPUT, HIDDEN, bidirectional=True), torch.randn(7, 1, INPUT)
    reset = torch.zeros(7, 1, dtype=torch.bool)
    reset[[0, 3]] = True
    _, (h_n, c_n) = module(x, reset=reset)
    for state, whole in zip((h_n, c_n), range(2), strict=True):
        assert torch.equal(state[0], module(x[3:])[1][whole][0])
        assert torch.equal(state[1], module(x[:3])[1][whole][1])


def test_one_sequence_without_a_batch_axis_takes_lengths_and_reset_too() -> None:
    module, x = LSTM(INPUT, HIDDEN, batch_first=True), torch.randn(6, INPUT)
    output, (h_n, _) = module(x, lengths=torch.tensor(4))
    assert torch.equal(output[:4], module(x[:4])[0])
    assert torch.equal(h_n, module(x[:4])[1][0])
    reset = torch.tensor([0, 0, 1, 0, 0, 0]).bool()
    assert torch.equal(module(x, reset=reset)[0][2:], module(x[2:])[0])


def test_a_packed_result_keeps_how_it_was_packed() -> None:
    module = LSTM(INPUT, HIDDEN)
    rows = [torch.randn(n, INPUT) for n in (2, 5, 3)]
    unsorted = pack_sequence(rows, enforce_sorted=False)
    output, (h_n, _) = module(unsorted)
    assert torch.equal(output.batch_sizes, unsorted.batch_sizes)
    assert torch.equal(output.sorted_indices, unsorted.sorted_indices)
    for b, row in enumerate(rows):
        assert torch.equal(h_n[0, b], module(row)[1][0][0])
    ordered = module(pack_sequence(sorted(rows, key=len, reverse=True)))[0]
    assert ordered.sorted_indices is None
    assert torch.equal(ordered.data, output.data)
