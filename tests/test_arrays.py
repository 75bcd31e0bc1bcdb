"""What is asked for and is not there is refused: what was expected, what came, what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import glasscell
from glasscell import inspect
from glasscell.errors import DataError, DtypeError, ShapeError
from glasscell.inspect import LayerTrace
from traced import traced

CASE = traced()  # T = 9, H = 4
LAYER, WEIGHTS = CASE.layer, CASE.weights
MODEL, X = torch.nn.LSTM(3, 4), torch.randn(9, 3)
GATES = LAYER.forget, LAYER.input, LAYER.candidate


def batch() -> LayerTrace:
    return LayerTrace(*[None] * 5, hidden=np.zeros((9, 2, 4)), mode="RNN_TANH")


def last(out: Any) -> torch.Tensor:
    return out[0][-1].sum()


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        (lambda: batch().sequence(5), r"expected index from -2 to 1 \(2 sequences\), got 5"),
        (lambda: inspect.layer_provenance(LAYER, 99), r"step from -9 to 8 \(9 steps\), got 99"),
        (lambda: inspect.provenance(*GATES, step=9), r"step from -9 to 8 \(9 steps\), got 9"),
        (lambda: inspect.provenance_triangle(LAYER, 4), r"unit from -4 to 3 \(4 units\), got 4"),
        (lambda: inspect.fan(LAYER, WEIGHTS, start=99), r"start from -9 to 8 \(9 steps\), got 99"),
        (lambda: inspect.path_split(LAYER, WEIGHTS, step=-10), "step from -9 to 8 .*, got -10"),
        (lambda: inspect.influence(LAYER, WEIGHTS, inputs=[9]), "inputs from -9 to 8 .*, got 9"),
        (lambda: inspect.influence(LAYER, WEIGHTS, outputs=[9]), "outputs from -9 to 8 .*, got 9"),
        (lambda: inspect.model_influence(MODEL, X, outputs=[9]), "outputs from -9 to 8 .*, got 9"),
    ],
)
def test_an_index_beyond_the_end_is_answered_with_those_that_there_are(
    measure: Callable[[], Any], words: str
) -> None:
    with pytest.raises(IndexError, match=words):
        measure()


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("reset", [False, True])
def test_a_sequence_of_no_steps_has_empty_measures_or_is_refused(
    reverse: bool, reset: bool
) -> None:
    model = glasscell.nn.LSTM(1, 2, bidirectional=True)
    more = {"reset": torch.zeros(4, 2, dtype=torch.bool)} if reset else {}
    with glasscell.trace(model) as seen:
        model(torch.randn(4, 2, 1), lengths=torch.tensor([0, 4]), **more)
    name = "l0_reverse" if reverse else "l0"
    layer, weights = seen[name].sequence(0), inspect.layer_weights(model, name)
    assert inspect.jacobians(layer, weights).shape == (0, 4, 4)
    assert inspect.influence(layer, weights).shape == (0, 0)
    assert inspect.provenance_triangle(layer, 0).shape == (0, 0)
    for measure, argument in (
        (lambda: inspect.fan(layer, weights), "start"),
        (lambda: inspect.path_split(layer, weights), "step"),
        (lambda: inspect.layer_provenance(layer), "step"),
    ):
        with pytest.raises(IndexError, match=f"{argument} among the steps, got a trace with no"):
            measure()
    with pytest.raises(ValueError, match="expected a trace of at least one step, got one with"):
        inspect.lyapunov(layer, weights)


@pytest.mark.parametrize("few", [0, -1])
@pytest.mark.parametrize(
    ("measure", "name"),
    [
        (lambda few: inspect.fan(LAYER, WEIGHTS, columns=few), "columns"),
        (lambda few: inspect.lyapunov(LAYER, WEIGHTS, columns=few), "columns"),
        (lambda few: inspect.path_split(LAYER, WEIGHTS, columns=few), "columns"),
        (lambda few: inspect.influence(LAYER, WEIGHTS, probes=few), "probes"),
        (lambda few: inspect.model_influence(MODEL, X, probes=few), "probes"),
    ],
)
def test_too_few_directions_are_refused(measure: Callable[[int], Any], name: str, few: int) -> None:
    with pytest.raises(ValueError, match=f"expected {name} >= 1, got {few}; leave it out"):
        measure(few)


def test_fewer_neighbours_than_none_are_refused() -> None:
    with pytest.raises(ValueError, match="expected neighbours >= 0, got -1; leave it out"):
        inspect.dossier(LAYER, neighbours=-1)
    assert inspect.dossier(LAYER, neighbours=0).nearest.shape == (4, 0)


@pytest.mark.parametrize(
    ("measure", "name"),
    [
        (lambda: inspect.fan(LAYER, WEIGHTS, lags=[1.5]), "lags"),
        (lambda: inspect.truncation(MODEL, X[:, None], last, lengths=[1.5]), "lengths"),
        (lambda: inspect.dossier(LAYER, lags=[1.5]), "lags"),
    ],
)
def test_parts_of_a_step_are_refused(measure: Callable[[], Any], name: str) -> None:
    with pytest.raises(DtypeError, match=rf"expected {name} as a whole number, got 1\.5 of float"):
        measure()


def test_a_layer_that_a_module_lacks_is_answered_with_those_that_it_has() -> None:
    with pytest.raises(ValueError, match="a layer of LSTM, l0 or l1, got 'l7'"):
        inspect.layer_weights(torch.nn.LSTM(1, 2, num_layers=2), "l7")


def test_an_initial_cell_that_does_not_fit_the_gates_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"expected initial_cell .*, \(4,\), got \(3,\)"):
        inspect.provenance(*GATES, initial_cell=np.zeros(3))


@pytest.mark.parametrize(
    "measure",
    [
        lambda: inspect.model_influence(MODEL, X.numpy()),
        lambda: glasscell.gradient_flow(MODEL, X.numpy(), last),
        lambda: inspect.examine(MODEL, (X.numpy(), None), last),
        lambda: inspect.ablation(MODEL, X.numpy(), last),
    ],
)
def test_arrays_where_tensors_go_are_named(measure: Callable[[], Any]) -> None:
    with pytest.raises(DtypeError, match=r"got (numpy\.)?ndarray; use torch\.as_tensor\(x\)"):
        measure()


def test_a_range_of_two_numbers_is_refused() -> None:
    with pytest.raises(DataError, match=r"range as \(series, start, stop\), got \(0, 1\)"):
        inspect.match([LAYER], (0, 1))  # type: ignore[arg-type]
