"""The network of labelled sequences: what padding and the rest of a batch may not change."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glasscell.tasks.sequences.network import SequenceNetwork, Shape

KINDS = st.sampled_from(("LSTM", "GRU", "RNN"))
SHAPES = st.builds(
    Shape,
    features=st.integers(1, 3),
    outputs=st.integers(1, 4),
    layers=st.integers(1, 2),
    bidirectional=st.booleans(),
    pooling=st.sampled_from(
        ((), ("last",), ("mean", "max"), ("attention",), ("last", "mean", "max", "attention"))
    ),
    skip=st.booleans(),
)
LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=6)


def drawn(kind, shape, lengths, hidden_size=5):
    torch.manual_seed(0)
    network = SequenceNetwork(kind, hidden_size, shape)
    x = torch.randn(len(lengths), max(lengths), shape.features)
    return network, x, torch.tensor(lengths)


@given(kind=KINDS, shape=SHAPES, lengths=LENGTHS)
def test_a_sequence_has_the_same_bits_alone_and_in_any_batch(kind, shape, lengths):
    network, x, steps = drawn(kind, shape, lengths)
    with torch.no_grad():
        together = network(x, steps)
        for number, length in enumerate(lengths):
            alone = network(x[number : number + 1, :length])[0]
            there = together[number] if shape.pooling else together[number, :length]
            assert torch.equal(alone, there)


@given(kind=KINDS, shape=SHAPES, lengths=LENGTHS)
def test_the_padding_has_no_gradient_and_no_say(kind, shape, lengths):
    network, x, steps = drawn(kind, shape, lengths)
    after = torch.arange(x.shape[1]) >= steps[:, None]
    x.requires_grad_()
    scores = network(x, steps)
    there = scores if shape.pooling else scores[~after]
    there.square().sum().backward()
    assert not x.grad[after].any()
    assert x.grad[~after].any()
    with torch.no_grad():
        other = network(x.detach().masked_fill(after[..., None], 7.0), steps)
    assert torch.equal(other if shape.pooling else other[~after], there)


@given(kind=KINDS, shape=SHAPES, hidden_size=st.integers(1, 9))
def test_weights_are_counted_without_making_them(kind, shape, hidden_size):
    network = SequenceNetwork(kind, hidden_size, shape)
    assert shape.parameters(kind, hidden_size) == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_the_plain_rival_is_of_equal_size(kind):
    shape = Shape(features=12, outputs=9)
    wanted = shape.parameters(kind, 32)
    assert abs(shape.parameters("RNN", shape.twin(kind, 32)) / wanted - 1) < 0.02


def test_dropout_is_what_the_caller_draws():
    network, x, steps = drawn("LSTM", Shape(features=2, outputs=3, skip=False), [4, 2])
    kept = torch.zeros(2, network.width)
    assert torch.equal(network(x, steps, kept), network.head.bias.expand(2, 3))
    assert torch.equal(network(x, steps, kept + 1), network(x, steps))


def test_noise_is_what_the_recurrent_layer_reads_alone():
    network, x, steps = drawn("LSTM", Shape(features=2, outputs=3), [4, 2])
    noise = torch.randn_like(x)
    kept = torch.ones(2, network.width)
    change = network(x, steps, kept, noise) - network(x, steps)
    bare = drawn("LSTM", Shape(features=2, outputs=3, skip=False), [4, 2])[0]
    bare.load_state_dict(network.state_dict(), strict=False)
    assert torch.allclose(change, bare(x + noise, steps) - bare(x, steps), atol=1e-6)
