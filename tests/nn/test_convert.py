"""`convert` and `restore` change the classes of a model's layers and nothing else."""

from __future__ import annotations

import abc
import copy
import pickle
import warnings
from typing import Any

import pytest
import torch
from torch.nn.utils import parametrizations, parametrize

import glasscell.nn
from glasscell.nn import convert, observing, restore
from nn.cases import HIDDEN, INPUT


class Tagger(torch.nn.Module):
    """A model as people write them: layers, cells and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = torch.nn.LSTM(INPUT, HIDDEN, bidirectional=True, batch_first=True)
        self.stack = torch.nn.ModuleList([torch.nn.RNN(2 * HIDDEN, HIDDEN, batch_first=True)])
        self.cell = torch.nn.LSTMCell(HIDDEN, HIDDEN)
        self.other = torch.nn.RNNCell(HIDDEN, HIDDEN)
        self.gru = torch.nn.GRU(HIDDEN, HIDDEN)
        self.last = torch.nn.GRUCell(HIDDEN, HIDDEN)
        self.head = torch.nn.Linear(HIDDEN, 3)

    def forward(self, x: torch.Tensor) -> Any:
        y = self.stack[0](self.encoder(x)[0])[0]
        h, c = self.cell(y[:, -1])
        h, c = self.cell(self.other(h, c), (h, c))
        return self.head(self.last(self.gru(h[None])[0][0], h))


class OwnInit(torch.nn.LSTM):
    """A user's subclass that changes no part of the forward pass."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        torch.nn.init.ones_(self.bias_ih_l0.data[HIDDEN : 2 * HIDDEN])

    def forget_bias(self) -> float:
        return self.bias_ih_l0[HIDDEN : 2 * HIDDEN].mean().item()


class OwnForward(torch.nn.LSTM):
    def forward(self, input: Any, hx: Any = None) -> Any:
        return super().forward(2 * input, hx)


class Counting:
    """A mixin that stands before torch's class."""

    def forward(self, *given: Any, **named: Any) -> Any:
        self.calls = getattr(self, "calls", 0) + 1
        return super().forward(*given, **named)  # type: ignore[misc]


class Mixed(Counting, torch.nn.LSTM):
    pass


class Base(abc.ABC, torch.nn.RNNBase):
    """As libraries write it that have an LSTM and a GRU of their own."""

    @abc.abstractmethod
    def initial(self, x: torch.Tensor) -> Any: ...

    def forward(self, input: Any, hx: Any = None, scale: float = 2) -> Any:
        return super().forward(scale * input, self.initial(input) if hx is None else hx)


class Abstract(Base, torch.nn.LSTM):
    def initial(self, x: torch.Tensor) -> Any:
        return (x.new_ones(1, x.shape[1], self.hidden_size),) * 2


class OwnCellForward(torch.nn.LSTMCell):
    @torch.no_grad()
    def forward(self, input: Any, hx: Any = None) -> Any:
        return super().forward(input, hx)


class OwnCheck(torch.nn.RNN):
    def check_forward_args(self, *_: Any) -> None:
        raise RuntimeError("checked")


class Explicit(torch.nn.LSTM):
    def forward(self, input: Any, hx: Any = None) -> Any:
        return torch.nn.LSTM.forward(self, input, hx)


class GRU(torch.nn.RNNBase):
    """Somebody's own, which is none of torch's classes."""

    def __init__(self, *sizes: int) -> None:
        super().__init__("GRU", *sizes)


class Gated(torch.nn.GRU):
    def forward(self, input: Any, hx: Any = None) -> Any:
        return super().forward(-input, hx)


class Property(torch.nn.LSTM):
    @property
    def hidden_size(self) -> int:
        return self.units

    @hidden_size.setter
    def hidden_size(self, value: int) -> None:
        self.units = value


def test_a_model_computes_the_same_and_keeps_all_that_is_its_own() -> None:
    model, x = Tagger(), torch.randn(2, 6, INPUT)
    expected, before = model(x), copy.deepcopy(model)
    identities = {name: id(p) for name, p in model.named_parameters()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    seen: list[int] = []
    model.encoder.register_forward_hook(lambda *_: seen.append(1))
    assert convert(model) is model
    kinds = [model.encoder, model.stack[0], model.cell, model.other, model.gru, model.last]
    names = ["LSTM", "RNN", "LSTMCell", "RNNCell", "GRU", "GRUCell"]
    assert all(isinstance(m, getattr(glasscell.nn, n)) for m, n in zip(kinds, names, strict=True))
    assert torch.allclose(model(x), expected, atol=1e-6)
    assert seen == [1]
    assert {name: id(p) for name, p in model.named_parameters()} == identities
    model(x).sum().backward()
    optimizer.step()
    assert not torch.allclose(model(x), expected, atol=1e-6)
    assert restore(model) is model
    assert [type(m) for m in kinds] == [getattr(torch.nn, n) for n in names]
    assert all(
        vars(m).keys() == vars(n).keys()
        for m, n in zip(model.modules(), before.modules(), strict=True)
    )
    model.load_state_dict(before.state_dict())
    assert torch.equal(model(x), expected)


def test_a_layer_itself_is_converted_and_returned() -> None:
    for name in ("LSTM", "GRU", "GRUCell"):
        layer = getattr(torch.nn, name)(INPUT, HIDDEN)
        assert convert(layer) is layer
        kind = type(layer)
        assert issubclass(kind, getattr(glasscell.nn, name))
        assert type(convert(layer)) is kind
        assert type(restore(layer)) is getattr(torch.nn, name)
        assert type(restore(layer)) is getattr(torch.nn, name)
    assert type(restore(glasscell.nn.RNNCell(2, 3))) is torch.nn.RNNCell


def test_a_shared_layer_is_converted_once_and_stays_shared() -> None:
    layer = torch.nn.LSTM(INPUT, HIDDEN)
    model = convert(torch.nn.ModuleList([layer, layer]))
    assert model[0] is model[1] is layer


def test_a_restored_model_pickles_without_glasscell() -> None:
    model = convert(torch.nn.Sequential(torch.nn.LSTM(INPUT, HIDDEN)))
    model(torch.randn(3, 1, INPUT))
    assert b"glasscell" in pickle.dumps(model)
    assert b"glasscell" not in pickle.dumps(restore(model))


def test_parametrized_layers_are_converted_and_go_on_as_such() -> None:
    layer = parametrizations.weight_norm(torch.nn.LSTM(INPUT, HIDDEN), "weight_hh_l0")
    x = torch.randn(4, 2, INPUT)
    expected = layer(x)[0]
    convert(layer)
    assert isinstance(layer, glasscell.nn.LSTM)
    assert parametrize.is_parametrized(layer, "weight_hh_l0")
    assert torch.allclose(layer(x)[0], expected, atol=1e-6)
    parametrizations.spectral_norm(layer, "weight_ih_l0")
    parametrize.remove_parametrizations(layer, "weight_ih_l0", leave_parametrized=False)
    restore(layer)
    assert not isinstance(layer, glasscell.nn.LSTM)
    assert torch.equal(layer(x)[0], expected)
    convert(layer)
    parametrize.remove_parametrizations(layer, "weight_hh_l0")
    assert isinstance(layer, glasscell.nn.LSTM)
    assert torch.allclose(layer(x)[0], expected, atol=1e-6)


def test_ours_parametrized_can_be_restored() -> None:
    layer = parametrizations.weight_norm(glasscell.nn.LSTM(INPUT, HIDDEN), "weight_hh_l0")
    x = torch.randn(4, 2, INPUT)
    expected = layer(x)[0]
    # torch's own cannot be copied any more once it ran: it keeps the computed weight.
    assert torch.equal(copy.deepcopy(layer)(x)[0], expected)
    restore(layer)
    parametrize.remove_parametrizations(layer, "weight_hh_l0")
    assert type(layer) is torch.nn.LSTM
    assert torch.allclose(layer(x)[0], expected, atol=1e-6)


def test_a_users_subclass_without_a_forward_of_its_own_is_converted_and_stays_one() -> None:
    layer, x = OwnInit(INPUT, HIDDEN), torch.randn(4, 2, INPUT)
    expected = layer(x)[0]
    convert(layer)
    assert isinstance(layer, OwnInit)
    assert isinstance(layer, glasscell.nn.LSTM)
    assert layer.forget_bias() == 1
    assert torch.allclose(layer(x)[0], expected, atol=1e-6)
    assert repr(layer) == repr(OwnInit(INPUT, HIDDEN))
    for made in (pickle.loads(pickle.dumps(layer)), copy.deepcopy(layer)):
        assert type(made) is type(layer)
        assert torch.equal(made(x)[0], layer(x)[0])
    assert type(restore(layer)) is OwnInit
    assert torch.equal(layer(x)[0], expected)


@pytest.mark.parametrize("kind", [OwnCheck, Explicit, Property])
@pytest.mark.filterwarnings("ignore:expected a model with")
def test_a_users_subclass_that_changes_the_forward_pass_is_left_alone(kind: Any) -> None:
    layer = convert(kind(INPUT, HIDDEN))
    assert type(layer) is kind


def test_a_layer_whose_forward_was_replaced_on_the_object_is_left_alone() -> None:
    layer = torch.nn.LSTM(INPUT, HIDDEN)
    layer.forward = lambda x: x  # type: ignore[method-assign]
    with pytest.warns(UserWarning, match="its forward was replaced on the object"):
        assert type(convert(layer)) is torch.nn.LSTM


def test_a_subclass_of_ours_is_left_alone_by_both() -> None:
    class Mine(glasscell.nn.LSTM):
        pass

    layer = Mine(INPUT, HIDDEN)
    assert type(convert(layer)) is Mine
    assert type(restore(layer)) is Mine


class Count:
    """An observer that counts what it is shown."""

    def __init__(self) -> None:
        self.runs = 0

    def forward(self, *_: Any) -> None:
        self.runs += 1

    def backward(self, *_: Any) -> None:
        pass


@pytest.mark.parametrize("kind", [OwnForward, Mixed, Abstract, OwnCellForward, Gated])
def test_a_forward_that_goes_on_to_super_reaches_our_kernels(kind: Any) -> None:
    layer, count = kind(INPUT, HIDDEN), Count()
    x = torch.randn(*((2, INPUT) if kind is OwnCellForward else (4, 2, INPUT)))
    expected = layer(x)[0]
    convert(layer)
    with observing(count):
        found = layer(x)[0]
    assert count.runs == 1
    assert torch.allclose(found, expected, atol=1e-6)
    for made in (pickle.loads(pickle.dumps(layer)), copy.deepcopy(layer)):
        assert type(made) is type(layer)
    if kind is Mixed:
        assert layer.calls == 2
    assert type(restore(layer)) is kind
    assert torch.equal(layer(x)[0], expected)


def test_exact_classes_are_found_where_they_are_compared_or_looked_up() -> None:
    model = convert(torch.nn.Sequential(torch.nn.LSTM(INPUT, HIDDEN), OwnInit(INPUT, HIDDEN)))
    table = {torch.nn.LSTM: "lstm", OwnInit: "own", torch.nn.GRU: "gru"}
    assert [table[type(layer)] for layer in model] == ["lstm", "own"]
    kind, own = map(type, model)
    assert kind == torch.nn.LSTM
    assert kind in (torch.nn.GRU, torch.nn.LSTM)
    assert kind in {torch.nn.LSTM}
    assert own == OwnInit
    assert torch.nn.RNN != kind != own
    # A class that is imported is itself.
    assert glasscell.nn.LSTM not in table
    assert glasscell.nn.LSTM != torch.nn.LSTM


@pytest.mark.filterwarnings("ignore:.*deprecated")
@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_dynamic_quantization_finds_converted_layers(name: str) -> None:
    theirs = getattr(torch.nn, name)
    model = convert(torch.nn.Sequential(theirs(INPUT, HIDDEN)))
    made = torch.ao.quantization.quantize_dynamic(model, {theirs}, dtype=torch.qint8)
    assert isinstance(made[0], getattr(torch.ao.nn.quantized.dynamic, name))
    assert isinstance(model[0], getattr(glasscell.nn, name))


registered, subclassed = list[str](), list[str]()


class Registry(abc.ABCMeta):
    def __new__(cls, name: str, *rest: Any, **named: Any) -> Any:
        registered.append(name)
        return super().__new__(cls, name, *rest, **named)


class Touchy(torch.nn.LSTM, metaclass=Registry):
    """A class with hooks and attributes that could get in our way, or we in theirs."""

    __slots__ = ("held",)

    def __init_subclass__(cls, *, key: str) -> None:
        subclassed.append(key)

    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.checkpoint = "weights.pt"
        self.held = 7

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "__class__":
            raise AttributeError("the class of this module is fixed")
        super().__setattr__(name, value)

    def _stack(self) -> None: ...

    _leave = _check = _autocast_stack = _plan = _stack


def test_a_users_own_hooks_and_attributes_stay_the_users() -> None:
    layer, x = Touchy(INPUT, HIDDEN), torch.randn(4, 2, INPUT)
    expected, made, before = layer(x)[0], list(registered), dict(vars(layer))
    convert(layer, checkpoint=2)
    assert isinstance(layer, glasscell.nn.LSTM)
    assert isinstance(layer, Touchy)
    found = layer(x)[0]
    assert torch.allclose(found, expected, atol=1e-6)
    found.sum().backward()
    assert (layer.checkpoint, layer.held) == ("weights.pt", 7)
    with pytest.warns(Warning, match="neither float32 nor float64"):
        layer.bfloat16()(x.bfloat16())
    layer.checkpoint = "other.pt"
    assert vars(layer)["checkpoint"] == "other.pt"
    restore(layer.float())
    assert (registered, subclassed) == (made, [])
    assert vars(layer).keys() == before.keys()


@pytest.mark.filterwarnings("ignore:.*deprecated")
def test_it_says_where_it_converted_nothing_and_points_at_the_caller() -> None:
    scripted = torch.jit.script(torch.nn.Sequential(torch.nn.LSTM(INPUT, HIDDEN)))
    quantized = torch.nn.Sequential(torch.ao.nn.quantized.dynamic.LSTM(INPUT, HIDDEN))
    for model, words in (
        (torch.nn.Linear(2, 2), "Linear with no recurrent layer"),
        (torch.nn.Sequential(GRU(2, 2)), r"0 \(GRU\): left alone, it is a .*\.GRU, for which"),
        (Explicit(2, 2), r"Explicit: left alone, .* does not end in super\(\)\.forward"),
        (OwnCheck(2, 2), "check_forward_args of its own"),
        (scripted, r"0 \(LSTM\): left alone, it is scripted"),
        (quantized, r"0 \(LSTM\): left alone, it is quantized"),
    ):
        with pytest.warns(UserWarning, match=words) as said:
            assert convert(model) is model
        lines = [warning.filename for warning in said if "nothing" in str(warning.message)]
        assert lines == [__file__]


def test_it_says_nothing_where_a_layer_is_ours() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        convert(convert(torch.nn.Sequential(torch.nn.LSTM(2, 2), torch.nn.GRU(2, 2))))
        convert(glasscell.nn.RNNCell(2, 2))


def test_it_says_on_request_what_became_of_each_layer(capsys: pytest.CaptureFixture[str]) -> None:
    model = torch.nn.ModuleDict(
        {"a": OwnForward(2, 2), "b": GRU(2, 2), "c": glasscell.nn.LSTM(2, 2)}
    )
    convert(model, verbose=True)
    assert capsys.readouterr().out.splitlines() == [
        "a (OwnForward): converted",
        f"b (GRU): left alone, it is a {__name__}.GRU, for which glasscell has no class",
        "c (LSTM): left alone, it is glasscell's already",
    ]


def test_a_model_named_like_the_layer_that_it_holds_is_no_layer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = torch.nn.Sequential()
    model.add_module("rnn", torch.nn.GRU(2, 2))
    model.__class__ = type("GRU", (torch.nn.Sequential,), {})
    convert(model, verbose=True)
    assert capsys.readouterr().out == "rnn (GRU): converted\n"


def test_layers_of_other_cells_are_ours_already(capsys: pytest.CaptureFixture[str]) -> None:
    model = torch.nn.Sequential(
        glasscell.nn.GRU(2, 2, layer_norm=True), glasscell.nn.sLSTM(2, 2, checkpoint=3)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        convert(model, checkpoint=True, verbose=True)
    assert capsys.readouterr().out.splitlines() == [
        "0 (Recurrent): left alone, it is glasscell's already",
        "1 (sLSTM): left alone, it is glasscell's already",
    ]
    assert model[0].checkpoint is model[1].checkpoint is True


@pytest.mark.parametrize("change", [convert, restore])
def test_what_is_no_module_is_refused(change: Any) -> None:
    with pytest.raises(TypeError, match=r"expected model as a torch\.nn\.Module, got dict; of an"):
        change({"rnn": torch.nn.GRU(2, 2)})
    with pytest.raises(TypeError, match=r"got the class GRU"):
        change(torch.nn.GRU)
