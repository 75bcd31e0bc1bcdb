"""Streams carry their state on, gradients stop at the piece, and training is the seed's alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from glasscell.tasks.text.network import Recipe, TextNetwork, bits, count_parameters
from glasscell.tasks.text.options import TextOptions
from glasscell.tasks.text.plan import make_plan
from glasscell.training import distribution
from glasscell.training.kinds import KINDS

TEXT = "".join(f"{n} and {n + 1} make {2 * n + 1};\n" for n in range(60))


def recipe(**options):
    settings = {"hidden_size": 6, "truncation": 8, "epochs": 2, "batch_size": 4, **options}
    plan = make_plan([TEXT], TextOptions(**settings))
    return Recipe.of(plan.truncated(plan.options.truncation))


@pytest.mark.parametrize("kind", list(KINDS.values()))
@pytest.mark.parametrize("layers", [1, 2])
def test_pieces_with_carried_state_are_the_whole(kind, layers):
    torch.manual_seed(0)
    network = TextNetwork(kind, 9, 5, layers)
    x = torch.randint(9, (3, 12))
    whole = network(x)
    state = network.start(3)
    pieces = []
    for piece in x.split(5, dim=1):
        pieces.append(network(piece, state))
        state = network.carried
    assert torch.equal(torch.cat(pieces, 1), whole)
    assert not state.requires_grad
    assert sum(p.numel() for p in network.parameters()) == count_parameters(kind, 9, 5, layers)


def test_a_run_without_a_state_leaves_the_carried_one():
    network = TextNetwork("LSTM", 4, 3)
    network(torch.zeros(2, 3, dtype=torch.int64), network.start(2))
    before = network.carried
    network(torch.zeros(1, 3, dtype=torch.int64))
    assert network.carried is before


def test_each_piece_goes_on_where_the_one_before_ended():
    made = recipe(dropout=0.0)
    objective = made.trainer("LSTM", 0).objective
    batches = []
    for batch in objective.batches(0):
        objective.network(batch.inputs, **batch.options)
        batches.append(batch)
    assert len(batches) == objective.steps
    for batch, after in pairwise(batches):
        assert torch.equal(batch.targets[:, -1], after.inputs[:, 0])
        assert torch.equal(batch.inputs[:, 1:], batch.targets[:, :-1])
    assert not batches[0].options["state"].any()
    assert batches[1].options["state"].any()
    read = np.concatenate([b.inputs.numpy() for b in batches], axis=1)
    train = np.concatenate([made.train, made.train])
    for stream in read:
        text = stream.tobytes()
        assert text in train.astype(np.int64).tobytes()


@pytest.mark.parametrize("rank", range(3))
def test_each_process_of_a_launcher_carries_on_its_own_streams(rank, monkeypatch):
    """The third of three has one stream of four, as the second; the first has two."""

    def states():
        size = distribution.size()
        objective = recipe().trainer("LSTM", 0).objective
        for batch in objective.batches(0):
            mine = batch.share(rank, size) if size > 1 else batch
            objective.network(mine.inputs, **mine.options)
            yield batch.share(rank, 3)

    alone = list(states())
    monkeypatch.setattr(distribution, "rank", lambda: rank)
    monkeypatch.setattr(distribution, "size", lambda: 3)
    monkeypatch.setattr(distribution, "same_weights", lambda module: None)
    for one, other in zip(alone, states(), strict=True):
        assert torch.equal(one.inputs, other.inputs)
        for name, value in one.options.items():
            assert torch.allclose(value, other.options[name], rtol=1e-5, atol=1e-7), name


def test_one_stream_is_scored_as_the_probabilities_say():
    """The bits of a text are -log2 of the product of what the network gives each symbol."""
    network = recipe().network("GRU", 0)
    text = np.array([1, 3, 2, 2, 1])
    with torch.no_grad():
        given = torch.log_softmax(network(torch.from_numpy(text)[None]), -1)[0] / np.log(2)
    wanted = [-float(given[t, text[t + 1]]) for t in range(4)]
    found = bits(network, text)
    assert found[0] == pytest.approx(np.log2(network.head.out_features))
    assert np.allclose(found[1:], wanted, rtol=1e-5)
    assert np.allclose(bits(network, text[2:], history=text[:2]), wanted[1:], rtol=1e-5)


def test_training_that_goes_on_from_a_state_has_the_same_bits():
    """Dropout and the places of the streams are drawn from the state alone."""
    made = recipe(dropout=0.5)
    whole, first, second = (made.trainer("LSTM", 3) for _ in range(3))
    whole.step_epoch()
    whole.step_epoch()
    first.step_epoch()
    torch.rand(7)
    second.load_state_dict(first.state_dict())
    second.step_epoch()
    assert second.history[1].train == whole.history[1].train
    for mine, other in zip(whole.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_the_plain_rnn_has_as_many_weights():
    made = recipe(hidden_size=40)
    sizes = [sum(p.numel() for p in made.network(k, 0).parameters()) for k in ("LSTM", "RNN")]
    assert abs(sizes[0] - sizes[1]) < 0.02 * sizes[0]
