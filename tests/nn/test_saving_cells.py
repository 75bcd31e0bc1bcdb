"""Layers of any cell from torch to a folder and back without torch: the bits of training."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import glasscell
from glasscell import cells, nn
from glasscell.cells import zoo
from glasscell.errors import WeightFormatError
from glasscell.nn.saving import describe, save
from own_cells import OWN, Leaky, Stabilised

LAYERS = [
    *(lambda cell=cell, **more: nn.Recurrent(cell, 4, 7, **more) for cell in OWN),
    lambda **more: nn.Recurrent(zoo.SRU(), 4, 4, **more),
    lambda **more: nn.Recurrent(zoo.MinGRU(), 4, 7, **more),
    lambda **more: nn.Recurrent(zoo.IndRNN(), 4, 7, **more),
    lambda **more: nn.LSTM(4, 7, peephole=True, clip=2.0, **more),
    lambda **more: nn.LSTM(4, 7, layer_norm=True, zoneout=(0.1, 0.3), **more),
    lambda **more: nn.GRU(4, 7, recurrent_dropout=0.5, zoneout=0.2, **more),
    lambda **more: nn.RNN(4, 7, zoneout=0.2, nonlinearity="relu", **more),
    lambda **more: nn.sLSTM(4, 8, heads=2, **more),
    lambda **more: nn.Recurrent(cells.GRU(), 4, 7, **more),
]
NAMES = [repr(make()) for make in LAYERS]
every_layer = pytest.mark.parametrize("make", LAYERS, ids=NAMES)
both_dtypes = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


def flat(state):
    return list(state) if isinstance(state, tuple) else [state]


def assert_same(run, output, state):
    np.testing.assert_array_equal(run.output, output.detach().numpy())
    assert isinstance(run.state, tuple) == isinstance(state, tuple)
    for found, wanted in zip(flat(run.state), flat(state), strict=True):
        np.testing.assert_array_equal(found, wanted.detach().numpy())


@every_layer
@both_dtypes
def test_a_loaded_layer_gives_the_bits_of_the_saved_one(tmp_path, make, dtype):
    torch.manual_seed(3)
    layer = make(num_layers=2, bidirectional=True, dtype=dtype).eval()
    model = glasscell.load(save(layer, tmp_path / "model"))
    x = torch.randn(6, 3, 4, dtype=dtype)
    output, state = layer(x)
    assert_same(model.run(x.numpy()), output, state)
    held = tuple(part.detach().numpy() for part in flat(state))
    again = model.run(x.numpy(), state=held if len(held) > 1 else held[0])
    assert_same(again, *layer(x, state))
    cut = {"lengths": torch.tensor([2, 0, 6]), "reset": torch.rand(6, 3) < 0.3}
    assert_same(model.run(x.numpy(), **{k: v.numpy() for k, v in cut.items()}), *layer(x, **cut))
    assert_same(model.run(x[:, 0].numpy()), *layer(x[:, 0]))


@every_layer
def test_a_live_step_gives_the_bits_of_the_layer_that_was_trained(tmp_path, make):
    torch.manual_seed(3)
    layer = make(num_layers=2)
    x, target = torch.randn(6, 3, 4), torch.randn(6, 3, layer.hidden_size)
    adam = torch.optim.Adam(layer.parameters(), 0.01)
    for _ in range(3):
        adam.zero_grad()
        (layer(x)[0] - target).square().mean().backward()
        adam.step()
    model = glasscell.load(save(layer, tmp_path / "model"))
    output = layer.eval()(x)[0].detach().numpy()
    stream, pool = model.stream(), model.pool(3)
    ids = pool.open(3)
    for t, x_t in enumerate(x.numpy()):
        np.testing.assert_array_equal(stream.step(x_t[1]), output[t, 1])
        np.testing.assert_array_equal(pool.step(ids, x_t), output[t])


@every_layer
def test_a_loaded_layer_has_the_trace_of_the_saved_one(tmp_path, make):
    torch.manual_seed(3)
    layer = make(num_layers=2, batch_first=True).eval()
    model = glasscell.load(save(layer, tmp_path / "model"))
    x = torch.randn(3, 6, 4)
    with glasscell.trace(layer) as expected:
        layer(x)
    found = model.run(x.numpy(), trace=True).trace
    assert list(found) == list(expected) == ["l0", "l1"]
    for name, one in expected.items():
        for field in (*layer.cell.quantities, "hidden"):
            np.testing.assert_array_equal(getattr(found[name], field), getattr(one, field))


@every_layer
def test_the_folder_holds_the_cell_as_data_and_torch_names(tmp_path, make):
    layer = make(num_layers=2, bidirectional=True)
    folder = save(layer, tmp_path / "model")
    node = json.loads((folder / "config.json").read_text())["model"]
    own = not isinstance(layer.mode, str)
    assert (node["type"] == "Recurrent", "cell" in node) == (own, own)
    model = glasscell.load(folder)
    assert model.recurrent[0].config.cell == layer.cell
    _, arrays = describe(layer)
    stored = {name.replace("blocks_hh", "weight_hh") for name in layer.state_dict()}
    assert set(arrays) == stored


def test_a_network_of_several_cells_gives_the_bits_of_its_parts(tmp_path):
    torch.manual_seed(0)
    parts = (nn.Recurrent(Stabilised(), 4, 6), nn.Linear(6, 5), nn.GRU(5, 3), nn.Linear(3, 2))
    network = torch.nn.Sequential(torch.nn.Embedding(9, 4), *parts)
    model = glasscell.load(save(network, tmp_path / "model"))
    tokens = torch.randint(9, (8, 2))
    hidden, (h, c, n, m) = parts[0](network[0](tokens))
    y, last = parts[2](parts[1](hidden))
    run = model.run(tokens.numpy(), trace=True)
    np.testing.assert_array_equal(run.output, parts[3](y).detach().numpy())
    assert list(run.state) == ["1", "3"]
    for found, wanted in zip((*run.state["1"], run.state["3"]), (h, c, n, m, last), strict=True):
        np.testing.assert_array_equal(found, wanted.detach().numpy())
    assert list(run.trace) == ["1.l0", "3.l0"]
    stream = model.stream()
    steps = np.stack([stream.step(token).copy() for token in tokens[:, 1].numpy()])
    np.testing.assert_array_equal(steps, run.output[:, 1])


def test_masks_of_training_are_numbers_in_a_folder(tmp_path):
    layer = nn.Recurrent(cells.GRU(zoneout=0.25), 3, 4)
    folder = save(layer, tmp_path / "model")  # saved while it trains
    cell = json.loads((folder / "config.json").read_text())["model"]["cell"]
    assert cell["evaluation"]["masks"] == []
    x = torch.randn(5, 2, 3)
    np.testing.assert_array_equal(
        glasscell.load(folder).run(x.numpy()).output, layer.eval()(x)[0].detach().numpy()
    )


def test_a_layer_whose_forward_is_its_users_own_is_refused(tmp_path):
    class Twice(nn.Recurrent):
        def forward(self, input, hx=None):
            output, state = super().forward(input, hx)
            return output * 2, state

    with pytest.raises(WeightFormatError, match=r"the module itself \(Twice\)"):
        save(Twice(Leaky(), 2, 3), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


@every_layer
def test_a_layers_textbook_reads_and_sets_what_its_folder_holds(make):
    layer = make(num_layers=2, bidirectional=True)
    book, H = cells.Textbook(layer, "l1_reverse"), layer.hidden_size
    width = 2 * H + H * (layer.cell.recurrent == "full")
    for name in dir(book):
        value = getattr(book, name)
        assert value.shape == ((H, width) if name[:2] == "W_" else (H,)), name
    if hasattr(layer, "heads"):
        return  # W is made of the blocks of its heads, and not set
    for name in dir(book):
        value = np.random.default_rng(len(name)).normal(size=getattr(book, name).shape)
        setattr(book, name, value.astype(np.float32))
        np.testing.assert_array_equal(getattr(book, name), value.astype(np.float32))
