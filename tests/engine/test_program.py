"""Programs of element-wise operations against the same in NumPy, bit for bit."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import program_twin as twin
from glasscell import _core, engine
from glasscell.cells import GRU, LSTM, SLSTM, zoo
from glasscell.cells.parameters import LayerWeights
from program_twin import Recipe

SIZES = (1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65, 255, 256, 257, 600)
FLOATS = (np.float32, np.float64)
LSTM_STEP = Recipe(  # inputs: a_i a_f a_g a_o, c
    5,
    (
        ("sigmoid", 0),
        ("sigmoid", 1),
        ("tanh", 2),
        ("sigmoid", 3),
        ("mul", 6, 4),
        ("mul", 5, 7),
        ("add", 9, 10),
        ("tanh", 11),
        ("mul", 8, 12),
    ),
    outputs=(13, 11),
    kept=(5, 6, 7, 8, 11),
)
GRU_STEP = Recipe(  # inputs: a_n of x, a_r, a_z, a_n of h, h
    5,
    (
        ("sigmoid", 1),
        ("sigmoid", 2),
        ("mul", 5, 3),
        ("add", 0, 7),
        ("tanh", 8),
        ("constant", 0),
        ("sub", 10, 6),
        ("mul", 11, 9),
        ("mul", 6, 4),
        ("add", 12, 13),
    ),
    outputs=(14,),
    kept=(5, 6, 9, 3),
    constants=(1.0,),
)


def values(count, rows, H, dtype, seed=0):
    """Numbers of many sizes, both zeros and both infinities among them."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, rows, H)) * 10.0 ** rng.integers(-3, 3, (count, rows, H))
    special = rng.random((count, rows, H))
    x = np.where(special < 0.02, 0.0, np.where(special < 0.04, -0.0, x))
    x = np.where(special > 0.99, np.copysign(np.inf, x), x)
    return x.astype(dtype)


def check(recipe, x, **how):
    outputs, kept = twin.RUN[x.dtype.type](recipe.program(), x, **how)
    expected, expected_kept = twin.run(recipe, x)
    assert twin.identical(outputs, expected)
    if how.get("keep", True):
        assert twin.identical(kept, expected_kept)
    else:
        assert kept is None


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", [*twin.PAIRS, *twin.SINGLES, "mean"])
def test_every_operation_is_numpys_bit_for_bit_at_every_seam(name, dtype):
    arities = {"mean": (1, 2, 8)}.get(name, (2,) if name in twin.PAIRS else (1,))
    for H, arity in product(SIZES, arities):
        recipe = Recipe(arity, ((name, *range(arity)),), (arity,), (arity,))
        check(recipe, values(arity, 3, H, dtype, seed=H))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", [*twin.PAIRS, *twin.SINGLES, "mean"])
def test_nan_goes_where_numpys_goes(name, dtype):
    one, two = np.meshgrid(*[np.array([np.nan, -np.inf, -1.0, -0.0, 0.0, 2.0, np.inf], dtype)] * 2)
    pair = np.stack([one.reshape(1, -1), two.reshape(1, -1)])
    operands = (0,) if name in twin.SINGLES else (0, 1)
    check(Recipe(2, ((name, *operands),), (2,)), pair)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("recipe", [LSTM_STEP, GRU_STEP], ids=["LSTM", "GRU"])
def test_a_step_has_the_same_bits_kept_or_not_and_in_place_or_not(recipe, dtype):
    for H, keep, alias in product(SIZES, (False, True), (False, True)):
        check(recipe, values(5, 4, H, dtype, seed=H), keep=keep, alias=alias)


CELLS = {
    "LSTM": LSTM(),
    "LSTM, all options": LSTM(
        peephole=True, layer_norm=True, clip=3.0, zoneout=(0.1, 0.2), recurrent_dropout=0.3
    ),
    "LSTM, coupled": LSTM(coupled=True, peephole=True),
    "sLSTM": SLSTM(),
    "GRU": GRU(),
    "GRU, all options": GRU(zoneout=0.1, recurrent_dropout=0.2, layer_norm=True),
    **{name: getattr(zoo, name)() for name in zoo.__all__},
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_a_cells_step_and_its_reverse_are_numpys_bit_for_bit(cell, dtype):
    step, back = cell.program, cell.reverse
    recipes = [
        twin.of_operations(step.inputs, step.operations, step.outputs, back.kept),
        twin.of_operations(back.inputs, back.operations, back.outputs),
    ]
    for H, recipe in product((1, 9, 33, 257, 600), recipes):
        rng = np.random.default_rng(H)
        x = rng.uniform(0.05, 0.95, (recipe.inputs, 3, H)).astype(dtype)
        for keep, alias in ((True, False), (False, True)):
            check(recipe, x, keep=keep, alias=alias)


@pytest.mark.parametrize("dtype", FLOATS)
def test_an_lstm_step_as_a_program_is_the_fused_one(dtype):
    """Without weights the pre-activations are the biases."""
    for H in SIZES:
        rng = np.random.default_rng(H)
        bias = rng.uniform(-4, 4, 4 * H).astype(dtype)
        zeros = np.zeros((4 * H, H), dtype)
        weights = LayerWeights(
            weight_ih=zeros[:, :1].copy(), weight_hh=zeros, bias_ih=bias, bias_hh=zeros[:, 0].copy()
        )
        c0 = rng.uniform(-3, 3, (1, H)).astype(dtype)
        layer = engine.pack("LSTM", weights)
        h0, x = np.zeros((1, H), dtype), np.zeros((1, 1, 1), dtype)
        fused = engine.forward(layer, x, h0, c0, tape=True)
        inputs = np.concatenate([bias.reshape(4, 1, H), c0[None]])
        outputs, kept = twin.RUN[dtype](LSTM_STEP.program(), inputs)
        assert outputs[0].tobytes() == fused.h_n.tobytes()
        assert outputs[1].tobytes() == fused.c_n.tobytes()
        assert kept[:, 0].tobytes() == fused.tape[0, 0, :, :H].tobytes()


@pytest.mark.parametrize("alias", [False, True])
def test_outputs_may_change_places_with_inputs_and_repeat_each_other(alias):
    x = values(3, 2, 70, np.float64)
    check(Recipe(3, (("add", 0, 1),), (1, 0, 3), (0, 3, 3, 1)), x, alias=alias)
    check(Recipe(3, (("add", 0, 1), ("mul", 2, 3)), (3, 3, -1), (4, 2)), x, alias=alias)
    check(Recipe(3, (("tanh", 2), ("sub", 3, 0)), (4, 2, 4)), x, alias=alias)


def test_what_is_the_same_in_every_unit_may_be_kept_and_given():
    operations = (
        ("mean", 0),
        ("constant", 0),
        ("add", 2, 3),
        ("sqrt", 4),
        ("div", 1, 5),
        ("mean", 5),
    )
    recipe = Recipe(2, operations, (2, 3, 5, 6, 7), (3, 2, 6), (1e5,))
    for H in SIZES:
        check(recipe, np.abs(values(2, 3, H, np.float32, seed=H)))


def test_values_that_nothing_needs_cost_nothing_and_change_nothing():
    x = values(2, 2, 33, np.float32)
    check(Recipe(2, (("mean", 0), ("exp", 1), ("add", 0, 1)), (4,)), x)
    assert not Recipe(2, (("mean", 0), ("exp", 1), ("add", 0, 1)), (4,)).program().mean
    assert Recipe(2, (("mean", 0), ("exp", 1), ("add", 0, 2)), (4,)).program().mean


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("first", twin.PAIRS)
def test_two_operations_in_one_pass_and_rows_together_round_like_two(first, dtype):
    """The first result on either side of the second, beside a vector, one number and itself."""
    for H, second, other in product((1, 17, 64, 128), twin.PAIRS, (2, 3, 5)):
        for operands in ((5, other), (other, 5)):
            operations = (("mean", 1), ("constant", 0), (first, 0, 1), (second, *operands))
            recipe = Recipe(3, operations, (6,), (3,), (0.7,))
            check(recipe, values(3, 9, H, dtype, seed=H))
            other_first = (*operations[:2], (first, 3, 1), operations[3])
            check(Recipe(3, other_first, (6, 3), (), (0.7,)), values(3, 9, H, dtype, seed=H))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("kept", [(), (4,)])
def test_a_mean_of_products_rounds_each_product(kept, dtype):
    for H, count in product(SIZES, (1, 2, 4, 5)):
        products = [("mul", k % 3, (k + k // 2) % 4) for k in range(count)]
        operations = (("constant", 0), *products, ("mean", *range(4, 4 + count)))
        recipe = Recipe(3, operations, (4 + count,), kept, (0.7,))
        check(recipe, values(3, 9, H, dtype, seed=H))


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    inputs=st.integers(1, 6),
    count=st.integers(0, 30),
    outputs=st.integers(1, 6),
    kept=st.integers(0, 6),
    H=st.sampled_from(SIZES),
    dtype=st.sampled_from(FLOATS),
    keep=st.booleans(),
    alias=st.booleans(),
)
def test_any_program_is_numpys_bit_for_bit(
    seed, inputs, count, outputs, kept, H, dtype, keep, alias
):
    recipe = twin.drawn(np.random.default_rng(seed), inputs, count, outputs, kept)
    check(recipe, values(inputs, 2, H, dtype, seed), keep=keep, alias=alias)


WRONG = [
    ({"inputs": 0}, "at least one input"),
    ({"inputs": -3}, "at least one input"),
    ({"inputs": 2049}, "at most 2048"),
    ({"outputs": ()}, "one output"),
    ({"operations": (("tanh", 0),) * 2050}, "at most 2048"),
    ({"operations": (("tanh", 0),) * 2046}, "at most 2048"),
    ({"operations": (("tanh", 0), ("cosh", 0))}, "operation 1: unknown name 'cosh'.*positive"),
    ({"operations": ((7, 0),)}, "operation 0: the first entry is its name"),
    ({"operations": ((),)}, "operation 0: expected a tuple"),
    ({"operations": ("tanh",)}, "operation 0: expected a tuple"),
    ({"operations": (("tanh", 0), ("add", 0))}, "operation 1: expected 2 operands, got 1"),
    ({"operations": (("tanh", 0, 1),)}, "operation 0: expected 1 operands, got 2"),
    ({"operations": (("mean",),)}, "operation 0: expected 1 to 8 operands, got 0"),
    ({"operations": (("mean", *[0] * 9),)}, "operation 0: expected at most 8 operands, got 9"),
    ({"operations": (("tanh", 2),)}, "operand 0 is value 2, expected one that exists.*0 to 1"),
    ({"operations": (("tanh", 0), ("add", 0, 3))}, "operation 1: operand 1 is value 3.*0 to 2"),
    ({"operations": (("tanh", -1),)}, "operation 0: operand 0 is value -1"),
    ({"operations": (("tanh", 0.5),)}, "operation 0: operands are numbers of values"),
    ({"operations": (("tanh", 2**40),)}, "operation 0: operands are numbers of values"),
    ({"operations": (("constant",),)}, "operation 0: a constant takes the index"),
    ({"operations": (("constant", 1),)}, "operation 0: a constant takes the index.*0 to 0"),
    ({"operations": (("constant", -1),)}, "operation 0: a constant takes the index"),
    ({"outputs": (2,)}, "output 0 is value 2, expected 0 to 1, or -1"),
    ({"outputs": (0, -2)}, "output 1 is value -2"),
    ({"kept": (2,)}, "kept value 0 is value 2, expected 0 to 1"),
    ({"kept": (0, -1)}, "kept value 1 is value -1"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), WRONG, ids=range(len(WRONG)))
def test_a_damaged_program_is_refused_with_what_is_allowed(change, message):
    good = {"inputs": 2, "operations": (), "outputs": (1,), "kept": (), "constants": (1.0,)}
    with pytest.raises(ValueError, match=message):
        Recipe(**(good | change)).program()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_random_damage_is_refused_or_harmless(data):
    """Any number anywhere: a message, or a program that runs within its arrays."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    recipe = twin.drawn(rng, 3, 8, 3, 3)
    number = st.integers(-3, 14) | st.integers(-(2**70), 2**70)
    operations = [list(o) for o in recipe.operations]
    parts = [*operations, list(recipe.outputs), list(recipe.kept)]
    part = parts[data.draw(st.integers(0, len(parts) - 1))]
    change = data.draw(st.sampled_from(["set", "add", "drop"]))
    at = data.draw(st.integers(0, len(part) - 1))
    if change == "drop":
        del part[at]
    elif change == "add":
        part.insert(at, data.draw(number))
    else:
        part[at] = data.draw(number)
    damaged = Recipe(
        3, tuple(map(tuple, operations)), tuple(parts[-2]), tuple(parts[-1]), (1.0, 2.0, 3.0)
    )
    try:
        damaged.program()
    except (ValueError, TypeError):
        return
    check(damaged, values(3, 2, 17, np.float32))


@pytest.mark.parametrize("shape", [(1, 2, 8), (5, 8), (5, 0, 8), (5, 2, 0)])
def test_inputs_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"inputs must be \(inputs of the program, rows, H\)"):
        _core.run_program_f32(LSTM_STEP.program(), np.zeros(shape, np.float32))


def printed():
    """One line of digests for each drawn program, for comparison between instruction sets."""
    for seed in range(40):
        rng = np.random.default_rng(seed)
        recipe = twin.drawn(rng, 4, int(rng.integers(1, 40)), 3, 3)
        for dtype in FLOATS:
            x = values(4, 3, SIZES[seed % len(SIZES)], dtype, seed)
            for part in twin.RUN[dtype](recipe.program(), x):
                bits = np.where(np.isnan(part), 0, part).tobytes()
                print(seed, np.dtype(dtype), hashlib.sha256(bits).hexdigest())


def test_every_instruction_set_computes_the_same_bits():
    here = Path(__file__).parent
    lines = {}
    for isa in _core.isas:
        paths = [str(here), str(here.parent), os.environ.get("PYTHONPATH", "")]
        run = subprocess.run(
            [sys.executable, "-c", "import test_program; test_program.printed()"],
            env=os.environ | {"GLASSCELL_FORCE_ISA": isa, "PYTHONPATH": os.pathsep.join(paths)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert run.returncode == 0, (isa, run.stderr)
        lines[isa] = run.stdout.splitlines()
    assert len(lines["generic"]) > 100
    for isa, printed_by in lines.items():
        assert printed_by == lines["generic"], isa
