"""Wrong arguments raise what torch raises; `lengths` and `reset`, which torch has not, say why."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import zeros
from torch.nn import Parameter
from torch.nn.utils.rnn import PackedSequence, pack_sequence

import glasscell.nn
from glasscell.errors import DtypeError, ShapeError
from nn.cases import HIDDEN, INPUT

LSTM_STATE = (zeros(1, 2, HIDDEN), zeros(1, 2, HIDDEN))


def _pack(width: int = INPUT) -> Any:
    return pack_sequence([zeros(3, width), zeros(2, width)])


LAYER_CALLS: dict[str, Callable[[str], tuple[Any, ...]]] = {
    "no steps": lambda _: (zeros(0, 2, INPUT),),
    "no steps of nothing": lambda _: (zeros(0, 0, INPUT),),
    "no steps, unbatched": lambda _: (zeros(0, INPUT),),
    "one axis": lambda _: (zeros(INPUT),),
    "four axes": lambda _: (zeros(1, 2, 3, INPUT),),
    "wrong width": lambda _: (zeros(4, 2, INPUT + 1),),
    "no width": lambda _: (zeros(4, 2, 0),),
    "integers": lambda _: (zeros(4, 2, INPUT, dtype=torch.int64),),
    "complex": lambda _: (zeros(4, 2, INPUT, dtype=torch.complex64),),
    "another precision": lambda _: (zeros(4, 2, INPUT, dtype=torch.float64),),
    "half precision": lambda _: (zeros(4, 2, INPUT, dtype=torch.bfloat16),),
    "another device": lambda _: (zeros(4, 2, INPUT, device="meta"),),
    "a list": lambda _: ([[1.0]],),
    "nothing": lambda _: (None,),
    "an array": lambda _: (zeros(4, 2, INPUT).numpy(),),
    "packed of wrong width": lambda _: (_pack(INPUT + 1),),
    "state of another precision": lambda k: (zeros(4, 2, INPUT), _state(k, 1, 2, HIDDEN).double()),
    "integer state": lambda k: (zeros(4, 2, INPUT), _state(k, 1, 2, HIDDEN).long()),
    "state without batch": lambda k: (zeros(4, 2, INPUT), _state(k, 2, HIDDEN)),
    "state with batch, unbatched": lambda k: (zeros(4, INPUT), _state(k, 1, 1, HIDDEN)),
    "state of wrong batch": lambda k: (zeros(4, 2, INPUT), _state(k, 1, 3, HIDDEN)),
    "state of wrong width": lambda k: (zeros(4, 2, INPUT), _state(k, 1, 2, HIDDEN + 1)),
    "state of two layers": lambda k: (zeros(4, 2, INPUT), _state(k, 2, 2, HIDDEN)),
    "packed of too few rows": lambda _: (PackedSequence(zeros(5, INPUT), torch.tensor([3, 3])),),
    "packed that grows": lambda _: (PackedSequence(zeros(5, INPUT), torch.tensor([2, 3])),),
    "packed of fewer than none": lambda _: (
        PackedSequence(zeros(2, INPUT), torch.tensor([3, -1])),
    ),
    "state on another device": lambda k: (
        zeros(4, 2, INPUT),
        _state(k, 1, 2, HIDDEN).to("meta"),
    ),
}


class _Pair(tuple[torch.Tensor, ...]):
    """(h, c) that can be converted like one tensor."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args: _Pair(getattr(tensor, name)(*args) for tensor in self)


def _state(kind: str, *shape: int) -> Any:
    return _Pair((zeros(*shape), zeros(*shape))) if "LSTM" in kind else zeros(*shape)


def _raised(library: Any, kind: str, arguments: tuple[Any, ...]) -> tuple[type, str]:
    with pytest.raises(Exception) as caught:
        getattr(library, kind)(INPUT, HIDDEN)(*arguments)
    return caught.type, str(caught.value)


@pytest.mark.parametrize("case", LAYER_CALLS)
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_a_layer_raises_torchs_error(kind: str, case: str) -> None:
    arguments = LAYER_CALLS[case](kind)
    assert _raised(glasscell.nn, kind, arguments) == _raised(torch.nn, kind, arguments)


STATES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "another batch": ((2, 3, 4), (2, 3, 4)),
    "smaller batch": ((2, 1, 4), (2, 1, 4)),
    "no batch": ((2, 4), (2, 4)),
    "c of another batch": ((2, 2, 4), (2, 3, 4)),
    "c of a smaller batch": ((2, 2, 4), (2, 1, 4)),
    "too many layers": ((4, 2, 4), (4, 2, 4)),
    "too many layers in h": ((3, 2, 4), (2, 2, 4)),
    "too few layers": ((1, 2, 4), (1, 2, 4)),
    "another width": ((2, 2, 5), (2, 2, 5)),
    "wide h": ((2, 2, 5), (2, 2, 4)),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("case", STATES)
def test_states_that_do_not_fit_a_packed_sequence_are_refused_as_for_a_padded_one(
    case: str, ordered: bool, dtype: torch.dtype
) -> None:
    shapes = STATES[case]
    rows = [zeros(3, INPUT, dtype=dtype), zeros(2, INPUT, dtype=dtype)]
    packed = pack_sequence(rows if ordered else rows[::-1], enforce_sorted=ordered)
    states = [torch.ones(*shape, dtype=dtype) for shape in shapes]
    same = shapes[0] == shapes[1]
    layer = glasscell.nn.LSTM(INPUT, 4, num_layers=2, dtype=dtype)
    with pytest.raises(RuntimeError, match=r"Expected hidden\[[01]\] size \(2, 2, 4\), got"):
        layer(packed, tuple(states))
    with pytest.raises(RuntimeError, match="Expected hidden"):
        layer(packed, torch.stack(states) if same else states)


@pytest.mark.parametrize(
    "state",
    [
        zeros(1, 2, HIDDEN),
        zeros(2, 1, 2, HIDDEN),
        (*LSTM_STATE, LSTM_STATE[0]),
        LSTM_STATE[:1],
        (LSTM_STATE[0], None),
        (LSTM_STATE[0], zeros(1, 2, HIDDEN - 1)),
    ],
    ids=["one tensor", "stacked", "three", "one of two", "None for c", "c of wrong width"],
)
def test_an_lstm_that_is_not_given_a_pair_raises_torchs_error(state: Any) -> None:
    arguments = zeros(4, 2, INPUT), state
    assert _raised(glasscell.nn, "LSTM", arguments)[0] == _raised(torch.nn, "LSTM", arguments)[0]


CELL_CALLS: dict[str, Callable[[str], tuple[Any, ...]]] = {
    "no axes": lambda _: (zeros(()),),
    "three axes": lambda _: (zeros(2, 2, INPUT),),
    "wrong width": lambda _: (zeros(2, INPUT + 1),),
    "wrong width, unbatched": lambda _: (zeros(INPUT + 1),),
    "another precision": lambda _: (zeros(2, INPUT, dtype=torch.float64),),
    "integers": lambda _: (zeros(2, INPUT, dtype=torch.int64),),
    "a list": lambda _: ([1.0],),
    "state of wrong batch": lambda k: (zeros(2, INPUT), _state(k, 3, HIDDEN)),
    "state of batch one": lambda k: (zeros(2, INPUT), _state(k, 1, HIDDEN)),
    "state of wrong width": lambda k: (zeros(2, INPUT), _state(k, 2, HIDDEN + 1)),
    "state of three axes": lambda k: (zeros(2, INPUT), _state(k, 1, 2, HIDDEN)),
    "state without batch": lambda k: (zeros(2, INPUT), _state(k, HIDDEN)),
    "state of another precision": lambda k: (zeros(2, INPUT), _state(k, 2, HIDDEN).double()),
}


@pytest.mark.parametrize("case", CELL_CALLS)
@pytest.mark.parametrize("kind", ["LSTMCell", "GRUCell", "RNNCell"])
def test_a_cell_raises_torchs_error(kind: str, case: str) -> None:
    arguments = CELL_CALLS[case](kind)
    assert _raised(glasscell.nn, kind, arguments) == _raised(torch.nn, kind, arguments)


@pytest.mark.parametrize("rows", [1, 2, HIDDEN])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("given", [tuple, list, torch.stack])
@pytest.mark.parametrize("kind", ["LSTMCell", "GRUCell", "RNNCell"])
def test_a_cell_refuses_states_with_a_batch_for_an_input_without(
    kind: str, given: Any, dtype: torch.dtype, rows: int
) -> None:
    # torch's own LSTMCell ends the process where there are as many rows as units.
    state = torch.ones(rows, HIDDEN, dtype=dtype)
    cell = getattr(glasscell.nn, kind)(INPUT, HIDDEN, dtype=dtype)
    with pytest.raises(RuntimeError, match=rf"\(H,\) = \({HIDDEN},\).*got \({rows}, {HIDDEN}\)"):
        cell(zeros(INPUT, dtype=dtype), given([state, state]) if kind == "LSTMCell" else state)


def test_a_cell_refuses_a_pair_of_states_of_which_one_has_a_batch() -> None:
    cell, pair = glasscell.nn.LSTMCell(INPUT, HIDDEN), (zeros(HIDDEN), zeros(HIDDEN, HIDDEN))
    for states in (pair, pair[::-1]):
        with pytest.raises(RuntimeError, match="give both a batch axis, or neither"):
            cell(zeros(INPUT), states)


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ((0, 3), {}),
        ((3, 0), {}),
        ((3.0, 4), {}),
        ((3, "4"), {}),
        ((3, 4), {"num_layers": 0}),
        ((3, 4), {"bias": 1}),
        ((3, 4), {"batch_first": 0}),
        ((3, 4), {"dropout": 1.5}),
        ((3, 4), {"dropout": True}),
        ((3, 4), {"proj_size": 4}),
        ((3, 4), {"proj_size": -1}),
        ((3, 4), {"nonlinearity": "sigmoid"}),
        ((3, 4), {"unheard_of": 1}),
    ],
)
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_a_constructor_raises_torchs_error(
    kind: str, arguments: tuple[Any, ...], options: dict[str, Any]
) -> None:
    found = []
    for library in (torch.nn, glasscell.nn):
        with pytest.raises((ValueError, TypeError)) as caught:
            getattr(library, kind)(*arguments, **options)
        found.append((caught.type, str(caught.value)))
    assert found[0] == found[1]


def test_an_unknown_nonlinearity_of_a_cell_raises_torchs_error() -> None:
    cell = glasscell.nn.RNNCell(INPUT, HIDDEN, nonlinearity="sigmoid")
    with pytest.raises(RuntimeError, match="Unknown nonlinearity"):
        cell(zeros(2, INPUT))


def test_dropout_with_one_layer_warns_as_torchs() -> None:
    with pytest.warns(UserWarning, match="num_layers greater than 1"):
        glasscell.nn.LSTM(INPUT, HIDDEN, dropout=0.5)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell"])
def test_an_empty_batch_gives_torchs_empty_result(kind: str) -> None:
    shape = (0, INPUT) if "Cell" in kind else (4, 0, INPUT)
    found, expected = (
        getattr(library, kind)(INPUT, HIDDEN)(zeros(shape)) for library in (glasscell.nn, torch.nn)
    )
    first, other = (r if isinstance(r, torch.Tensor) else r[0] for r in (found, expected))
    assert first.shape == other.shape
    first.sum().backward()


@pytest.mark.parametrize("sizes", [(INPUT, 0), (0, HIDDEN), (0, 0)])
@pytest.mark.parametrize("kind", ["LSTMCell", "GRUCell", "RNNCell"])
@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_a_cell_without_inputs_or_units_gives_torchs_result(
    kind: str, sizes: tuple[int, int]
) -> None:
    found, expected = (
        getattr(library, kind)(*sizes, bias=False)(zeros(2, sizes[0]))
        for library in (glasscell.nn, torch.nn)
    )
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("kind", ["LSTMCell", "GRUCell", "RNNCell"])
def test_a_cell_takes_anything_true_as_a_bias_as_torchs_does(kind: str) -> None:
    module = getattr(glasscell.nn, kind)(INPUT, HIDDEN, "relu")
    expected = getattr(torch.nn, kind)(INPUT, HIDDEN, "relu")
    expected.load_state_dict(module.state_dict())
    torch.testing.assert_close(module(zeros(2, INPUT)), expected(zeros(2, INPUT)))


@pytest.mark.filterwarnings("ignore::glasscell.nn.SlowPathWarning")
@pytest.mark.parametrize("role", ["weight_ih", "weight_hh", "bias_ih", "bias_hh"])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell"])
def test_a_parameter_that_was_set_to_none_is_torchs_to_judge(kind: str, role: str) -> None:
    outcomes = []
    for library in (torch.nn, glasscell.nn):
        torch.manual_seed(0)
        module = getattr(library, kind)(INPUT, HIDDEN)
        module(zeros(2, INPUT))
        setattr(module, role if "Cell" in kind else f"{role}_l0", None)
        outcomes.append(_outcome(module))
    theirs, ours = outcomes
    if isinstance(theirs, str):
        assert ours == theirs
    else:
        torch.testing.assert_close(ours, theirs)


def _outcome(module: torch.nn.Module) -> Any:
    """What a call gives: its result, or its error as text."""
    try:
        return module(zeros(2, INPUT))
    except (RuntimeError, TypeError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell"])
@pytest.mark.parametrize("change", [(1, INPUT), (0, INPUT + 1)])
def test_parameters_of_wrong_shapes_are_refused(kind: str, change: tuple[int, int]) -> None:
    module = getattr(glasscell.nn, kind)(INPUT, HIDDEN)
    name = "weight_ih" if "Cell" in kind else "weight_ih_l0"
    shape = len(getattr(module, name)) + change[0], change[1]
    setattr(module, name, Parameter(zeros(shape)))
    with pytest.raises(RuntimeError, match=re.escape(f"{name} {shape}")):
        module(zeros(2, INPUT))


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_lengths_without_all_parameters_are_refused(kind: str) -> None:
    module = getattr(glasscell.nn, kind)(INPUT, HIDDEN)
    del module.weight_hh_l0
    with pytest.raises(RuntimeError, match="expected all parameters"):
        module(zeros(4, 2, INPUT), lengths=[4, 1])


@pytest.mark.parametrize(
    ("lengths", "error", "text"),
    [
        ([4, 4, 4], ShapeError, r"lengths of shape \(B,\) = \(2,\), got \(3,\)"),
        (torch.tensor([[4, 4]]), ShapeError, r"got \(1, 2\)"),
        (torch.tensor(4), ShapeError, r"got \(\)"),
        ([5, 1], ShapeError, r"0 … T = 4, got 1 … 5"),
        ([4, -1], ShapeError, r"got -1 … 4"),
        (torch.tensor([4.0, 1.0]), DtypeError, r"lengths as integers, got torch.float32"),
        (torch.tensor([True, False]), DtypeError, r"got torch.bool"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(lengths: Any, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        glasscell.nn.LSTM(INPUT, HIDDEN)(zeros(4, 2, INPUT), lengths=lengths)


def test_a_reset_that_does_not_fit_is_refused() -> None:
    module, first = (glasscell.nn.RNN(INPUT, HIDDEN, batch_first=b) for b in (False, True))
    with pytest.raises(ShapeError, match=r"\(T, B\) = \(4, 2\), got \(2, 4\)"):
        module(zeros(4, 2, INPUT), reset=torch.zeros(2, 4, dtype=torch.bool))
    with pytest.raises(ShapeError, match=r"\(B, T\) = \(4, 2\), got \(2, 4\)"):
        first(zeros(4, 2, INPUT), reset=torch.zeros(2, 4, dtype=torch.bool))
    with pytest.raises(DtypeError, match=r"reset as bool, got torch\.int64"):
        module(zeros(4, 2, INPUT), reset=torch.zeros(4, 2, dtype=torch.int64))


def test_a_packed_sequence_takes_neither() -> None:
    module = glasscell.nn.LSTM(INPUT, HIDDEN)
    for options in ({"lengths": [3, 2]}, {"reset": torch.zeros(3, 2, dtype=torch.bool)}):
        with pytest.raises(ShapeError, match="with a padded input, got them with a PackedSequence"):
            module(_pack(), **options)


def test_torchs_own_checks_come_before_those_of_lengths() -> None:
    with pytest.raises(RuntimeError, match="input_size"):
        glasscell.nn.LSTM(INPUT, HIDDEN)(zeros(4, 2, INPUT + 1), lengths=[9, 9, 9])
    with pytest.raises(RuntimeError, match="larger than 0"):
        glasscell.nn.LSTM(INPUT, HIDDEN)(zeros(0, 2, INPUT), lengths=[0, 0])
    with pytest.raises(RuntimeError, match="Expected hidden"):
        glasscell.nn.RNN(INPUT, HIDDEN)(zeros(4, 2, INPUT), zeros(1, 3, HIDDEN), lengths=[1, 2])


def test_a_weight_of_a_wrong_shape_is_refused() -> None:
    for kind in ("LSTM", "GRU", "RNN"):
        module = getattr(glasscell.nn, kind)(INPUT, HIDDEN)
        module(zeros(4, 2, INPUT))
        module.weight_ih_l0 = torch.nn.Parameter(zeros(HIDDEN, INPUT + 2))
        with pytest.raises((RuntimeError, ValueError)):
            module(zeros(4, 2, INPUT))
