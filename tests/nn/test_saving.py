"""From torch to a folder and back without torch: the same bits, and reasons where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import glasscell
from glasscell import cells, nn
from glasscell.errors import DtypeError, ShapeError, WeightFormatError
from glasscell.nn.saving import save
from glasscell.tasks.forecast.network import Forecaster

KINDS = [
    (nn.LSTM, {}),
    (nn.LSTM, {"num_layers": 2, "batch_first": True}),
    (nn.LSTM, {"num_layers": 2, "bidirectional": True}),
    (nn.LSTM, {"proj_size": 3, "bidirectional": True, "batch_first": True}),
    (nn.LSTM, {"num_layers": 3, "bias": False, "dropout": 0.5}),
    (nn.RNN, {"num_layers": 2}),
    (nn.RNN, {"nonlinearity": "relu", "bidirectional": True, "batch_first": True}),
    (nn.GRU, {"num_layers": 2}),
    (nn.GRU, {"bidirectional": True, "batch_first": True, "bias": False}),
]
every_kind = pytest.mark.parametrize(("kind", "options"), KINDS)
both_dtypes = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


def _make(kind, options, dtype=torch.float32, hidden=7):
    torch.manual_seed(3)
    return kind(4, hidden, dtype=dtype, **options).eval()


def _data(layer, steps=6, batch=3, dtype=torch.float32):
    torch.manual_seed(4)
    shape = (batch, steps, 4) if layer.batch_first else (steps, batch, 4)
    return torch.randn(shape, dtype=dtype)


def _flat(state):
    return state if isinstance(state, tuple) else (state,)


def _equal(run, output, state):
    np.testing.assert_array_equal(run.output, output.detach().numpy())
    for part, wanted in zip(_flat(run.state), _flat(state), strict=True):
        np.testing.assert_array_equal(part, wanted.detach().numpy())


@every_kind
@both_dtypes
def test_a_loaded_layer_gives_the_bits_of_the_saved_one(tmp_path, kind, options, dtype):
    layer = _make(kind, options, dtype)
    model = glasscell.load(save(layer, tmp_path / "model"))
    x = _data(layer, dtype=dtype)
    output, state = layer(x)
    _equal(model.run(x.numpy()), output, state)
    again, state_again = layer(x, state)
    numpy_state = tuple(part.detach().numpy() for part in _flat(state))
    _equal(
        model.run(x.numpy(), state=numpy_state if kind is nn.LSTM else numpy_state[0]),
        again,
        state_again,
    )
    alone = x[0] if layer.batch_first else x[:, 0]
    _equal(model.run(alone.numpy()), *layer(alone))


@every_kind
def test_a_loaded_layer_cuts_sequences_as_the_saved_one(tmp_path, kind, options):
    layer = _make(kind, options)
    model = glasscell.load(save(layer, tmp_path / "model"))
    x = _data(layer)
    lengths = torch.tensor([2, 0, 6])
    reset = torch.rand(x.shape[:2]) < 0.3
    for cut in ({"lengths": lengths}, {"reset": reset}, {"lengths": lengths, "reset": reset}):
        run = model.run(x.numpy(), **{name: part.numpy() for name, part in cut.items()})
        _equal(run, *layer(x, **cut))


@every_kind
def test_a_loaded_layer_has_the_trace_of_the_saved_one(tmp_path, kind, options):
    layer = _make(kind, options)
    model = glasscell.load(save(layer, tmp_path / "model"))
    x = _data(layer)
    with glasscell.trace(layer) as expected:
        layer(x)
    found = model.run(x.numpy(), trace=True).trace
    assert list(found) == list(expected)
    for name, one in expected.items():
        for field in (*cells.of(one.mode).quantities, "hidden"):
            mine, wanted = getattr(found[name], field), getattr(one, field)
            assert (mine is None) == (wanted is None)
            if wanted is not None:
                np.testing.assert_array_equal(mine, wanted)
        assert (found[name].mode, found[name].reverse, found[name].layout) == (
            one.mode,
            one.reverse,
            one.layout,
        )


@pytest.mark.parametrize("kind", [torch.nn.LSTM, torch.nn.RNN, torch.nn.GRU])
def test_torchs_own_layers_are_saved_too(tmp_path, kind):
    layer = _make(kind, {"num_layers": 2})
    model = glasscell.load(save(layer, tmp_path / "model"))
    x = _data(layer)
    np.testing.assert_allclose(
        model.run(x.numpy()).output, layer(x)[0].detach().numpy(), rtol=1e-5, atol=1e-6
    )
    glasscell.convert(layer)
    _equal(model.run(x.numpy()), *layer(x))
    again = glasscell.load(save(layer, tmp_path / "converted"))
    assert again.config == model.config


class _Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(11, 4)
        self.encoder = nn.LSTM(4, 6, num_layers=2, batch_first=True)
        self.middle = torch.nn.Sequential(nn.Linear(6, 5), torch.nn.Dropout(0.4))
        self.decoder = nn.RNN(5, 3, batch_first=True)
        self.head = nn.Linear(3, 2)

    def forward(self, x):
        hidden = self.middle(self.encoder(self.embed(x))[0])
        return self.head(self.decoder(hidden)[0])

    def parts(self):
        return torch.nn.Sequential(self.embed, self.encoder, self.middle, self.decoder, self.head)


def test_a_sequential_of_ours_gives_the_bits_of_the_module_it_came_from(tmp_path):
    torch.manual_seed(0)
    network = _Network().eval()
    model = glasscell.load(save(network.parts(), tmp_path / "model"))
    x = torch.randint(11, (3, 8))
    np.testing.assert_array_equal(model.run(x.numpy()).output, network(x).detach().numpy())
    stream = model.stream()
    steps = np.stack([stream.step(token).copy() for token in x[1].numpy()])
    np.testing.assert_array_equal(steps, network(x).detach().numpy()[1])
    assert model.parameters == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("kind", ["LSTM", "RNN"])
@both_dtypes
def test_a_forecaster_gives_the_bits_of_the_trained_one(tmp_path, kind, dtype):
    torch.manual_seed(5)
    network = Forecaster(kind, 2, 6, lookback=9, horizon=4).to(dtype).eval()
    model = glasscell.load(save(network, tmp_path / "model"))
    windows = torch.randn(7, 9, 2, dtype=dtype)
    expected = network(windows).detach().numpy()
    np.testing.assert_array_equal(model.run(windows.numpy()).output, expected)
    np.testing.assert_array_equal(model.run(windows[3].numpy()).output, expected[3])
    with pytest.raises(ShapeError, match="windows of 9 rows"):
        model.stream()


def test_names_are_torchs_own(tmp_path):
    network = _Network()
    parts = network.parts()
    folder = save(parts, tmp_path / "model")
    from safetensors.torch import load_file

    state = load_file(folder / "model.safetensors")
    assert set(state) == set(parts.state_dict())
    parts.load_state_dict(state)


ACTIVATIONS = [
    torch.nn.Tanh(),
    torch.nn.ReLU(),
    torch.nn.Sigmoid(),
    torch.nn.GELU(),
    torch.nn.GELU(approximate="tanh"),
    torch.nn.SiLU(),
    torch.nn.LeakyReLU(0.2),
    torch.nn.ELU(0.7),
    torch.nn.Softmax(dim=-1),
    torch.nn.LogSoftmax(dim=-1),
    torch.nn.Softplus(beta=2.0, threshold=5.0),
    torch.nn.Softplus(),
    torch.nn.Identity(),
    torch.nn.Dropout(0.9),
    torch.nn.LayerNorm(6),
    torch.nn.LayerNorm(6, elementwise_affine=False, eps=0.1),
    torch.nn.LayerNorm(6, bias=False),
]


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
@both_dtypes
def test_simple_layers_agree_with_torch_to_rounding(tmp_path, activation, dtype):
    torch.manual_seed(1)
    network = torch.nn.Sequential(torch.nn.Linear(4, 6), activation).to(dtype).eval()
    with torch.no_grad():
        network[0].weight *= 12
        for parameter in activation.parameters():
            parameter.uniform_(-1, 1)
    model = glasscell.load(save(network, tmp_path / "model"))
    x = torch.randn(200, 4, dtype=dtype)
    tolerance = 2e-5 if dtype == torch.float32 else 1e-12
    np.testing.assert_allclose(
        model.run(x.numpy()).output, network(x).detach().numpy(), rtol=tolerance, atol=tolerance
    )
    network.float()


# torch's vectorized exact GELU gives NaN for infinity where its own scalar code gives infinity.
ELEMENTWISE = [one for one in ACTIVATIONS[:14] if str(one) != "GELU(approximate='none')"]


@pytest.mark.parametrize("activation", ELEMENTWISE, ids=str)
def test_activations_pass_infinities_and_nan_on_as_torch_does(tmp_path, activation):
    network = torch.nn.Sequential(activation, torch.nn.Linear(1, 1, bias=False)).eval()
    torch.nn.init.ones_(network[1].weight)
    model = glasscell.load(save(network, tmp_path / "model"))
    x = torch.tensor([[-np.inf], [np.inf], [np.nan], [-1e30], [1e30], [-0.0]])
    np.testing.assert_allclose(model.run(x.numpy()).output, network(x).detach().numpy(), rtol=1e-5)


def test_a_parametrized_module_is_saved_with_the_weights_that_it_computes(tmp_path):
    torch.manual_seed(0)
    layer = nn.LSTM(4, 5)
    torch.nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0")
    with torch.no_grad():
        layer.parametrizations.weight_hh_l0.original0.mul_(3)
    model = glasscell.load(save(layer, tmp_path / "model"))
    x = _data(layer)
    _equal(model.run(x.numpy()), *layer(x))


def test_a_module_in_two_places_is_saved_twice(tmp_path):
    linear = nn.Linear(4, 4)
    network = torch.nn.Sequential(linear, torch.nn.Tanh(), linear)
    model = glasscell.load(save(network, tmp_path / "model"))
    x = torch.randn(5, 4)
    np.testing.assert_allclose(
        model.run(x.numpy()).output, network(x).detach().numpy(), rtol=1e-5, atol=1e-6
    )


def test_a_subclass_that_computes_what_its_base_computes_is_saved(tmp_path):
    class Mine(torch.nn.LSTM):
        pass

    layer = Mine(4, 5)
    assert glasscell.load(save(layer, tmp_path / "model")).config["type"] == "LSTM"
    glasscell.convert(layer)
    assert glasscell.load(save(layer, tmp_path / "ours")).config["type"] == "LSTM"


class _Named(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = torch.nn.ModuleDict({"lstm": nn.LSTM(4, 5), "head": nn.Linear(5, 1)})

    def forward(self, x):
        return self.body["head"](self.body["lstm"](x)[0])

    def glasscell_node(self, child):
        return {"type": "Sequential", "children": [child("body.lstm"), child("body.head")]}


def test_a_module_may_say_itself_what_it_is(tmp_path):
    inner = _Named()
    network = torch.nn.Sequential(torch.nn.Identity(), inner)
    model = glasscell.load(save(network, tmp_path / "model"))
    x = torch.randn(6, 2, 4)
    run = model.run(x.numpy(), trace=True)
    np.testing.assert_array_equal(run.output, inner(x).detach().numpy())
    assert list(run.trace) == ["1.body.lstm.l0"]


class _Own(torch.nn.Linear):
    def forward(self, x):
        return super().forward(x) * 2


def _hooked():
    layer = nn.Linear(2, 2)
    layer.register_forward_hook(lambda module, args, out: out)
    return layer


REFUSED = [
    (torch.nn.GRUCell(2, 2), r"the module itself \(GRUCell\).*expected one of LSTM, RNN"),
    (_Network(), r"the module itself \(_Network\).*Sequential\(model.lstm, model.linear\)"),
    (
        torch.nn.Sequential(nn.LSTM(2, 2), torch.nn.Sequential(torch.nn.Conv1d(2, 2, 1))),
        r"1\.0 \(Conv1d\)",
    ),
    (torch.nn.Sequential(_Own(2, 2)), r"0 \(_Own\)"),
    (torch.nn.Sequential(nn.LSTM(2, 3), nn.Linear(2, 2)), r"children\[1\] \(Linear\): reads 2"),
    (torch.nn.Sequential(nn.LSTM(2, 2), nn.LSTM(2, 2, batch_first=True)), "same batch_first"),
    (torch.nn.Sequential(nn.Linear(2, 2), torch.nn.Softmax(dim=1)), "dim=-1, the features"),
    (torch.nn.Sequential(nn.Linear(2, 2), torch.nn.LayerNorm((3, 2))), "one axis, the last"),
    (torch.nn.Embedding(3, 2, max_norm=1.0), "max_norm None"),
    (torch.nn.Tanh(), "no weights"),
    (torch.nn.Sequential(), "no weights"),
    (_hooked(), "without forward hooks.*function"),
    (nn.LSTM(2, 2, device="meta"), "meta tensor"),
    (torch.nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2).double()), "float32, float64"),
]


@pytest.mark.parametrize(("module", "words"), REFUSED)
def test_what_a_folder_cannot_hold_is_refused_by_name_and_nothing_is_written(
    tmp_path, module, words
):
    with pytest.raises(WeightFormatError, match=words):
        save(module, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_weight_norm_of_the_old_kind_is_refused_with_the_way_out(tmp_path):
    layer = nn.Linear(2, 2)
    with pytest.warns(FutureWarning):
        torch.nn.utils.weight_norm(layer)
    with pytest.raises(WeightFormatError, match=r"WeightNorm.*remove_weight_norm"):
        save(layer, tmp_path / "model")
    torch.nn.utils.remove_weight_norm(layer)
    assert save(layer, tmp_path / "model").is_dir()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.complex64])
def test_other_dtypes_are_refused_with_advice(tmp_path, dtype):
    with pytest.raises(DtypeError, match=r"0\.weight as float32 or float64.*module\.float\(\)"):
        save(torch.nn.Sequential(torch.nn.Linear(2, 2, dtype=dtype)), tmp_path / "model")


def test_what_is_no_module_is_refused(tmp_path):
    with pytest.raises(TypeError, match=r"torch.nn.Module, got OrderedDict"):
        save(nn.LSTM(2, 2).state_dict(), tmp_path / "model")


def test_nothing_is_overwritten_without_force(tmp_path):
    folder = save(nn.LSTM(2, 2), tmp_path / "model")
    with pytest.raises(FileExistsError, match="force=True"):
        save(nn.LSTM(3, 2), folder)
    assert glasscell.load(folder).input_size == 2
    save(nn.LSTM(3, 2), folder, force=True)
    assert glasscell.load(folder).input_size == 3


def test_saving_leaves_the_module_as_it_was(tmp_path):
    network = _Network().parts()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network[1].weight_hh_l0.requires_grad_(False)
    save(network, tmp_path / "model")
    assert network.training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert not network[1].weight_hh_l0.requires_grad
