"""Programs: what a step gives on arrays, what a file may hold, and what is refused."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cell_family import FAMILY, drawn
from glasscell.cells import GRU, LSTM, described, evaluate
from glasscell.cells.operations import OPERATIONS
from glasscell.cells.program import MOST_VALUES, Program
from glasscell.errors import CellError

each_cell = pytest.mark.parametrize("cell", FAMILY.values(), ids=FAMILY)


@each_cell
def test_a_cell_comes_back_from_json(cell):
    text = json.dumps(cell.description(), allow_nan=False)
    back = described(json.loads(text))
    assert back == cell
    assert (back.program, back.evaluation) == (cell.program, cell.evaluation)
    assert (back.reverse, back.quantities, back.belt) == (cell.reverse, cell.quantities, cell.belt)
    assert (back.masks, back.initial, back.starts) == (cell.masks, cell.initial, cell.starts)
    assert json.dumps(back.description()) == text


@each_cell
def test_a_cell_is_copied_and_pickled(cell):
    assert cell.program.values  # traced, so that what is kept goes with it
    assert copy.deepcopy(cell) == pickle.loads(pickle.dumps(cell)) == cell


@each_cell
def test_the_evaluation_is_the_program_at_the_masks_own_numbers(cell):
    inputs = drawn(cell, np.random.default_rng(1))
    first = len(inputs) - len(cell.program.masks)
    for k, letter in enumerate(cell.program.masks, first):
        inputs[k] = np.full_like(inputs[k], cell.masks[letter].evaluation)
    training = evaluate(cell.program.operations, inputs)
    evaluation = evaluate(cell.evaluation.operations, inputs[:first])
    for one, other in zip(cell.program.outputs, cell.evaluation.outputs, strict=True):
        np.testing.assert_array_equal(training[one], evaluation[other])


def test_the_lstm_is_the_lstm():
    a_i, a_f, a_g, a_o, h, c = drawn(LSTM(), np.random.default_rng(2))
    values = evaluate(LSTM().program.operations, [a_i, a_f, a_g, a_o, h, c])
    new = c / (1 + np.exp(-a_f)) + np.tanh(a_g) / (1 + np.exp(-a_i))
    np.testing.assert_allclose(values[LSTM().program.outputs[1]], new, rtol=1e-13)
    np.testing.assert_allclose(
        values[LSTM().program.outputs[0]], np.tanh(new) / (1 + np.exp(-a_o)), rtol=1e-13
    )


def _gru() -> dict[str, Any]:
    return GRU().program.description()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sums": []}, "at least one sum"),
        ({"sums": [["n", "x"], ["r", "xh"], ["z", "xh"], ["n", "y"]]}, "in the order"),
        ({"sums": [["r", "xh"], ["n", "x"], ["z", "xh"], ["n", "h"]]}, "in the order"),
        ({"sums": [["r", "x"], ["r", "xh"], ["z", "xh"], ["n", "h"]]}, "once among the sums"),
        ({"sums": [["n", "x", 1]]}, "sum 0"),
        ({"sums": [["n", "h"]]}, "a sum that reads x"),
        ({"sums": "n"}, "sums as a list of lists"),
        ({"states": ["h", "h"]}, "states that differ"),
        ({"states": [1]}, "states as a list of texts"),
        ({"operations": [["eval", 0]]}, "operation 0 out of constant, add"),
        ({"operations": [["__import__('os').getcwd()", 0]]}, "operation 0 out of constant, add"),
        ({"operations": [["tanh", 5]]}, "operation 0 (tanh) to read values 0 to 4"),
        ({"operations": [["tanh", -1]]}, "operation 0 (tanh) to read values 0 to 4"),
        ({"operations": [["tanh", 0.0]]}, "whole numbers"),
        ({"operations": [["tanh", True]]}, "whole numbers"),
        ({"operations": [["tanh", 0, 1]]}, "1 to 1 operands of operation 0 (tanh), got 2"),
        ({"operations": [["mean", *range(5), *range(4)]]}, "1 to 8 operands"),
        ({"operations": [["constant"]]}, "operation 0 with one number"),
        ({"operations": [["constant", float("nan")]]}, "operation 0: expected a number within"),
        ({"operations": [["constant", 10**400]]}, "operation 0: expected a number within"),
        ({"operations": [["constant", "1"]]}, "operation 0: expected a number within"),
        ({"operations": [[]]}, "list of lists"),
        ({"operations": [["tanh", 0]] * MOST_VALUES}, f"at most {MOST_VALUES} values"),
        ({"outputs": [0, 0]}, "one output for each state"),
        ({"outputs": [99]}, "outputs to read values 0 to"),
        ({"names": {"r": 99}}, "names to read values 0 to"),
        ({"names": []}, "names as an object"),
        ({"masks": None}, "masks as a list"),
        ({"more": 1}, "expected an object with"),
    ],
)
def test_a_damaged_program_is_refused_with_its_place(change, said):
    with pytest.raises(CellError) as error:
        Program.from_description({**_gru(), **change})
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "a b"}, "expected a name"),
        ({"name": 3}, "expected a name"),
        ({"gates": {"r": "reset", "z": "update"}}, "program of this cell's own names"),
        ({"gates": {"r": "reset", "z": "update", "n": "reset"}}, "names that differ"),
        ({"gates": {"r": "reset", "z": "update", "n": 3}}, "gates as a dict of letters to strs"),
        ({"gates": {"r": "re set", "z": "update", "n": "candidate"}}, "names as in Python's"),
        ({"states": {"h": "hidden", "c": "cell"}}, "program of this cell's own names"),
        ({"recurrent": "none"}, "recurrent out of"),
        ({"recurrent": None}, "program of this cell's own names"),
        ({"initial": {"c": 0.0}}, "initial of"),
        ({"initial": {"h": float("inf")}}, "initial of h: expected a number within"),
        ({"masks": {"m": [2.0, 1.0, 0.0, 1.0, "step"]}}, "probability from 0 to 1"),
        ({"masks": {"m": [0.5, 1.0, 0.0, 1.0, "call"]}}, "each as step or sequence"),
        ({"masks": {"m": [0.5]}}, "mask m as"),
        ({"vectors": {"weight_ih": "a weight"}}, "letters that are not taken"),
        ({"vectors": {"step": "a method"}}, "letters that are not taken"),
        ({"program": None}, "program: expected an object"),
        ({"evaluation": LSTM().program.description()}, "program of this cell's own names"),
    ],
)
def test_a_damaged_cell_is_refused_with_its_place(change, said):
    with pytest.raises(CellError) as error:
        described({**GRU().description(), **change})
    assert said in str(error.value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-10, 600)
    | st.floats()
    | st.sampled_from(["h", "x", "xh", "tanh", "mean", "constant", "full", "__class__", ""]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@st.composite
def _mutated(draw: st.DrawFn) -> Any:
    """A description in which one place holds something else."""
    whole = json.loads(json.dumps(draw(st.sampled_from([*FAMILY.values()])).description()))
    here = whole
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        if not keys:
            return whole
        key = draw(st.sampled_from(keys))
        inner = here[key]
        if isinstance(inner, dict | list) and inner and draw(st.booleans()):
            here = inner
            continue
        if isinstance(here, dict) and draw(st.booleans()):
            del here[key]
        else:
            here[key] = draw(JSON)
        return whole


@given(_mutated())
def test_a_changed_description_is_refused_or_is_a_sound_cell(given_):
    try:
        cell = described(given_)
    except CellError:
        return
    assert cell.program.values <= MOST_VALUES
    assert {operation.name for operation in cell.program.operations} <= {*OPERATIONS}
    inputs = [np.full((2, 3), 0.5) for _ in range(cell.evaluation.inputs)]
    with np.errstate(all="ignore"):
        values = evaluate(cell.evaluation.operations, inputs)
    assert all(values[k].shape == (2, 3) for k in cell.evaluation.outputs)
    assert cell.reverse.inputs
    assert json.dumps(described(cell.description()).description())


@given(JSON)
def test_other_json_is_refused(given_):
    with pytest.raises(CellError, match="expected an object"):
        described(given_)


def test_a_long_chain_is_no_recursion():
    chain = _gru()
    chain["operations"] = [["tanh", 0], *(["tanh", k] for k in range(5, MOST_VALUES - 6))]
    chain["outputs"], chain["names"] = [MOST_VALUES - 7], {}
    whole = {**GRU().description(), "program": chain, "evaluation": chain}
    cell = described(whole)
    assert len(cell.reverse.operations) > MOST_VALUES
    assert cell.partials.by
