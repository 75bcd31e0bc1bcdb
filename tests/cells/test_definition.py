"""How a cell is written: what its step may hold, what is named, and what is said of mistakes."""

from __future__ import annotations

import cProfile
import math
import sys
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from cell_family import FAMILY, GREFF
from glasscell.cells import (
    GRU,
    LSTM,
    RNN,
    SLSTM,
    Cell,
    Mask,
    equations,
    exp,
    filled,
    latex,
    mean,
    normalise,
    of,
    sigmoid,
    tanh,
    zoo,
)
from glasscell.cells.definition import Described
from glasscell.cells.evaluate import evaluate
from glasscell.errors import CellError


class Leaky(Cell):
    """The cell of these tests: each of them breaks one thing of it."""

    gates = {"f": "forget", "g": "candidate"}  # noqa: RUF012

    def step(self, a, h):
        f, g = sigmoid(a.f), tanh(a.g)
        return f * h + (1 - f) * g


def _decides(self, a, h):
    f = sigmoid(a.f)
    if f > 0.5:
        f = 1 - f
    return f * h + a.g


def _compares(self, a, h):
    return a.f + a.g if a.f == h else h


def _and(self, a, h):
    return a.f and a.g


def _waits(self, a, h):
    while h:
        h = h - a.f * a.g
    return h


def _loops(self, a, h):
    return sum(unit for unit in a.f) + a.g


def _numpy_function(self, a, h):
    return np.tanh(a.f) + a.g


def _numpy_sum(self, a, h):
    return a.f + np.sum(a.g)


def _numpy_array(self, a, h):
    return a.f + np.array([a.g, h])


def _math_function(self, a, h):
    return math.tanh(a.f) + a.g


def _index(self, a, h):
    return a.f[0] + a.g


def _method(self, a, h):
    return a.f.sigmoid().clamp(0, 1) + a.g


def _power(self, a, h):
    return a.f**3 + a.g


def _matrix(self, a, h):
    return a.f @ a.g


def _text(self, a, h):
    return a.f + "1" + a.g


def _flag(self, a, h):
    return a.f + True + a.g


def _infinite(self, a, h):
    return a.f * float("inf") + a.g


def _too_large(self, a, h):
    return a.f * 1e39 + a.g


def _never_written(self, a, h):
    return a.f + a.g + written_nowhere  # noqa: F821


def _local_never_written(self, a, h):
    if len("a") > 1:
        k = 1
    return a.f + a.g + k


def _unknown_gate(self, a, h):
    return a.f + a.g + a.k


def _unknown_vector(self, a, h):
    return a.f + a.g + self.p_k


def _divides_by_zero(self, a, h):
    return a.f + a.g * (1 / 0)


def _helper_fails(self, a, h):
    def helper(value):
        return value.nothing

    return helper(a.f) + a.g


def _many_means(self, a, h):
    return mean(*[a.f] * 9) + a.g


def _exp_of_number(self, a, h):
    return a.f + a.g + exp(1.0)


BAD_LINES: dict[Any, tuple[str, str]] = {
    _decides: ("if f > 0.5:", "no decision on a value"),
    _compares: ("if a.f == h", "no decision on a value"),
    _and: ("a.f and a.g", "no decision on a value"),
    _waits: ("while h:", "no decision on a value"),
    _loops: ("for unit in a.f", "no loop over a value"),
    _numpy_function: ("np.tanh(a.f)", "ufunc"),
    _numpy_sum: ("np.sum(a.g)", "no attribute 'sum'"),
    _numpy_array: ("np.array([a.g, h])", "no function of NumPy"),
    _math_function: ("math.tanh(a.f)", "real number"),
    _index: ("a.f[0]", "no single unit"),
    _method: ("clamp(0, 1)", "no attribute 'clamp'"),
    _power: ("a.f**3", "a square (** 2), got ** 3"),
    _matrix: ("a.f @ a.g", "unsupported operand"),
    _text: ('a.f + "1"', "a value of the step or a number, got str"),
    _flag: ("a.f + True", "a value of the step or a number, got bool"),
    _infinite: ('float("inf")', "a number within"),
    _too_large: ("1e39", "a number within"),
    _never_written: ("written_nowhere", "is not defined"),
    _local_never_written: ("a.f + a.g + k", "'k'"),
    _unknown_gate: ("a.f + a.g + a.k", "a gate out of f, g, got a.k"),
    _unknown_vector: ("self.p_k", "p_k"),
    _divides_by_zero: ("1 / 0", "division by zero"),
    _helper_fails: ("return helper(a.f)", "no attribute 'nothing'"),
    _many_means: ("mean(*[a.f] * 9)", "1 to 8 values in mean, got 9"),
    _exp_of_number: ("exp(1.0)", "a gate, state or vector of the step, got float"),
}


@pytest.mark.parametrize("step", BAD_LINES, ids=lambda step: step.__name__[1:])
def test_a_bad_line_is_named(step):
    line, said = BAD_LINES[step]
    kind = type("Bad", (Leaky,), {"step": step})
    with pytest.raises(CellError) as error:
        _ = kind().program
    message = str(error.value)
    assert message.startswith("Bad: line ")
    assert f"of {__file__}, " in message
    assert line in message
    assert said in message


def test_what_is_allowed_is_said():
    kind = type("Bad", (Leaky,), {"step": _decides})
    with pytest.raises(
        CellError, match=r"a step may hold .* mean and normalise of glasscell\.cells"
    ):
        _ = kind().program


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (lambda self, a, h: (a.f, a.g), "return 1 states (h), got 2"),
        (lambda self, a, h: None, "expected a symbol or a number, got NoneType"),
        (lambda self, a, h: [a.f + a.g], "expected a symbol or a number, got list"),
        (lambda self, a, h: a.f * h, "one without a.g; use the gate, or leave it out"),
        (lambda self, a, h: h, "one without a.f, a.g"),
        (lambda self, a, h: 0.0, "one without a.f, a.g"),
        (lambda self, a, h: a.f.h + a.g.h, "reads x, got one that reads a.f.h, a.g.h"),
    ],
)
def test_a_bad_result_is_named_with_its_step(step, said):
    kind = type("Bad", (Leaky,), {"step": step})
    with pytest.raises(CellError) as error:
        _ = kind().program
    assert f"of {__file__}" in str(error.value)
    assert said in str(error.value)


def test_a_step_with_wrong_arguments_and_none_at_all():
    with pytest.raises(CellError, match="positional argument"):
        _ = type("Bad", (Leaky,), {"step": lambda self, a: a.f})().program
    with pytest.raises(CellError, match="expected a step, got a cell without one"):
        _ = type("Bad", (Cell,), {"gates": {"f": "forget"}})().program


def test_too_long_a_step_is_refused_and_not_a_crash():
    def long(self, a, h):
        for _ in range(3000):
            h = tanh(h + a.f)
        return h + a.g

    with pytest.raises(CellError, match="at most 512 values, got 60"):
        _ = type("Bad", (Leaky,), {"step": long})().program


def test_symbols_of_two_steps_do_not_mix():
    left: list[Any] = []

    def keeps(self, a, h):
        left.append(h)
        return a.f * left[0] + a.g

    kind = type("Keeps", (Leaky,), {"step": keeps})
    with pytest.raises(CellError, match=r"a\.f \* left\[0\].*one that another step left"):
        _ = kind().program


@pytest.mark.parametrize(
    ("said_by_class", "message"),
    [
        ({"gates": {}}, "at least one gate"),
        ({"states": {}}, "at least one gate and one state"),
        ({"gates": ["f", "g"]}, "gates as a dict"),
        ({"gates": {"f": "forget", "g": "forget"}}, "names that differ"),
        ({"gates": {"f": "forget", "1g": "candidate"}}, "letters as in Python's names"),
        ({"gates": {"f": "forget", "g": "the candidate"}}, "names as in Python's names"),
        ({"gates": {"f": "forget", "g": "lambda"}}, "names as in Python's names"),
        ({"gates": {"f": "forget", "g": "units"}}, "names of gates and states that are not taken"),
        ({"states": {"y": "place", "h": "hidden"}}, "got ['hidden']"),
        ({"vectors": {"f": "like a gate"}}, "letters that differ"),
        ({"vectors": {"states": "like an attribute"}}, "letters that are not taken"),
        ({"vectors": {"bias_hh": "like a parameter"}}, "letters that are not taken"),
        ({"masks": {"m": 0.5}}, "masks as a dict of letters to Masks"),
        ({"masks": {"m": Mask(1.5)}}, "mask m: expected a probability from 0 to 1, got 1.5"),
        ({"masks": {"m": Mask(0.5, each="call")}}, "mask m: expected each as step or sequence"),
        ({"masks": {"m": Mask(0.5, on=math.inf)}}, "mask m, on: expected a number within"),
        ({"initial": {"c": 1.0}}, "initial of"),
        ({"initial": {"h": "1"}}, "initial of h: expected a number within"),
        ({"starts": {"p": 1.0}}, "starts of"),
        ({"recurrent": "half"}, "recurrent out of"),
    ],
)
def test_a_class_that_contradicts_itself_is_refused(said_by_class, message):
    with pytest.raises(CellError) as error:
        _ = type("Bad", (Leaky,), said_by_class)().program
    assert message in str(error.value)


def test_locals_are_named_under_a_profiler_a_debugger_and_coverage():
    lines = []

    def trace(frame: Any, event: str, _: Any) -> Any:
        lines.append(event)
        return trace

    profiler, before = cProfile.Profile(), sys.gettrace()
    profiler.enable()
    sys.settrace(trace)
    try:
        assert Leaky().quantities == ("forget", "candidate")
        assert sys.gettrace() is trace
        assert sys.getprofile() is not None
    finally:
        sys.settrace(before)
        profiler.disable()
    assert "line" in lines
    assert any(entry.code == Leaky.step.__code__ for entry in profiler.getstats())


def test_a_step_may_call_the_one_that_it_overrides():
    class Clipped(LSTM):
        def step(self, a: Any, h: Any, c: Any) -> Any:
            h, c = super().step(a, h, c)
            g = tanh(c)
            return h + 0 * g, c

    cell = Clipped()
    assert cell.quantities == LSTM().quantities
    # Of a name that both use, the outer step's is shown.
    assert cell.program.names["g"] != LSTM().program.names["g"]
    values = evaluate(cell.program.operations, [np.full(1, 0.3)] * 6)
    np.testing.assert_array_equal(
        values[cell.program.names["g"]], np.tanh(values[cell.program.names["c"]])
    )


def test_a_step_may_use_helpers_options_loops_over_numbers_and_closures():
    @dataclass(frozen=True)
    class Rich(Cell):
        depth: int = 3
        gates = {"f": "forget", "g": "candidate"}  # noqa: RUF012
        vectors = {"p": "peephole"}  # noqa: RUF012

        def _peeped(self, a: Any, h: Any) -> Any:
            return sigmoid(a.f + self.p * h)

        def step(self, a: Any, h: Any) -> Any:
            f = self._peeped(a, h)
            g = tanh(a.g)
            for k in range(self.depth):
                g = g + [f * power for power in (k, k + 1)][1]
            return (lambda: f * h + (1 - f) * g)()

    assert Rich().quantities == ("forget", "candidate")
    assert Rich().program.vectors == ("p",)
    assert Rich(2).program != Rich(3).program


def test_a_gate_read_whole_and_in_parts_is_computed_once():
    class Parts(Leaky):
        def step(self, a: Any, h: Any) -> Any:
            f = sigmoid(a.f)
            return f * h + a.g.x * a.f.h

    program = Parts().program
    assert [tuple(s) for s in program.sums] == [("f", "x"), ("g", "x"), ("f", "h")]
    f_x, g_x, f_h, h = (np.array([v]) for v in (0.5, 2.0, -0.25, 0.75))
    (output,) = program.outputs
    found = evaluate(program.operations, [f_x, g_x, f_h, h])[output]
    np.testing.assert_allclose(found, 0.75 / (1 + np.exp(-0.25)) - 0.5)


def test_threads_trace_at_once():
    found: list[Any] = []

    def run() -> None:
        found.extend(GRU().quantities == ("reset", "update", "candidate") for _ in range(20))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 160


def test_numbers_of_numpy_and_fractions_are_numbers():
    from fractions import Fraction

    class Numbers(Leaky):
        def step(self, a: Any, h: Any) -> Any:
            return np.float32(0.5) * a.f + a.g * np.float64(2) / Fraction(1, 2) - np.int64(3)

    values = [op.value for op in Numbers().program.operations if op.value is not None]
    assert sorted(values) == [0.5, 2.0, 3.0]


def test_tracing_leaves_the_cell_as_it_was():
    cell = LSTM(zoneout=(0.1, 0.1), peephole=True)
    before = dict(vars(cell))
    _ = cell.program
    assert {name: value for name, value in vars(cell).items() if name != "program"} == before


def test_equal_cells_and_others():
    assert LSTM() == LSTM()
    assert LSTM() != LSTM(peephole=True)
    assert hash(LSTM()) == hash(LSTM())
    assert GRU() != "GRU"
    assert of(SLSTM()) == SLSTM()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: LSTM(without=("memory",)), "expected parts out of"),
        (lambda: LSTM(coupled=True, without=("input",)), "leave one of the two options out"),
        (lambda: LSTM(variational=True), "with recurrent_dropout above 0"),
        (lambda: GRU(variational=True), "with recurrent_dropout above 0"),
        (lambda: LSTM(peephole=True, without=("input", "forget", "output")), "a gate to look at"),
        (lambda: LSTM(clip=0), "clip: expected a positive number"),
        (lambda: LSTM(zoneout=(1.0, 0.0)), "zoneout: expected a probability"),
        (lambda: LSTM(zoneout=(0.1,)), "zoneout: expected two probabilities"),
        (lambda: LSTM(recurrent_dropout=-0.1), "recurrent_dropout: expected a probability"),
        (lambda: GRU(hidden_dropout=1), "hidden_dropout: expected a probability"),
        (lambda: GRU(zoneout=2), "zoneout: expected a probability"),
        (lambda: RNN("sigmoid"), "nonlinearity: expected tanh or relu"),
        (lambda: SLSTM(forget="relu"), "forget: expected sigmoid or exp"),
        (lambda: zoo.IndRNN("sigmoid"), "nonlinearity: expected relu or tanh"),
        (lambda: of("GRU2"), "expected a cell out of LSTM, RNN_TANH, RNN_RELU, GRU, got 'GRU2'"),
    ],
)
def test_options_that_do_not_fit_are_refused(make, said):
    with pytest.raises(CellError) as error:
        make()
    assert said in str(error.value)


def test_greffs_variants_leave_out_what_they_say():
    gates = {name: set(cell.gate_names) for name, cell in GREFF.items()}
    everything = {"input", "forget", "candidate", "output"}
    missing = {"NIG": "input", "NFG": "forget", "NOG": "output", "CIFG": "input"}
    for name in GREFF:
        assert gates[name] == everything - {missing.get(name)}
    assert {name for name, cell in GREFF.items() if not cell.program.vectors} == {"NP"}


@pytest.mark.parametrize("cell", FAMILY.values(), ids=FAMILY)
def test_every_cell_has_equations(cell):
    lines = equations(cell)
    found = {line.name for line in lines if line.name}
    assert found == {cell.states["h"], *cell.quantities}
    assert len(latex(cell).splitlines()) == len(lines)
    assert latex(cell).count("{") == latex(cell).count("}")
    rng = np.random.default_rng(0)
    inputs = [np.abs(rng.normal(size=(1, 3))) + 0.5 for _ in range(cell.evaluation.inputs)]
    values = evaluate(cell.evaluation.operations, inputs)
    for line, number in zip(lines, filled(cell, values, unit=1), strict=True):
        assert line.letter == number.letter
        assert "W_" not in number.text
        letter = line.letter.removesuffix("[t]")
        if letter in cell.evaluation.names:
            value = values[cell.evaluation.names[letter]][0, 1]
            assert number.text.endswith(f"= {value:.4g}")


def test_filled_equations_are_arithmetic():
    """What stands left of the last = is what stands right of it, up to the digits shown."""
    cell = LSTM(peephole=True, clip=0.9)
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(1, 2)) for _ in range(cell.evaluation.inputs)]
    values = evaluate(cell.evaluation.operations, inputs)
    functions = {"σ": lambda x: 1 / (1 + math.exp(-x)), "tanh": math.tanh, "max": max, "min": min}
    for line in filled(cell, values):
        left, right = line.text.rsplit(" = ", 1)
        assert eval(left, {"__builtins__": {}}, functions) == pytest.approx(float(right), abs=2e-3)


def test_a_described_cell_has_no_step():
    described = Described(GRU().description())
    with pytest.raises(CellError, match="a cell without one"):
        described.step(None, None)


def test_a_diagonal_sum_has_two_parts_and_those_alone_that_are_read():
    class Bistable(Cell):
        gates = {"a": "bistability", "c": "update", "g": "candidate"}  # noqa: RUF012
        recurrent = "diagonal"

        def step(self, s, h):
            a, c = 1 + tanh(s.a), sigmoid(s.c)
            g = tanh(s.g.x + a * h)
            return c * h + (1 - c) * g

    assert Bistable().program.vectors == ("u_a", "u_c")
    assert [sum_.reads for sum_ in Bistable().program.sums] == ["x", "x", "x"]

    class Parts(Bistable):
        def step(self, s, h):
            return tanh(s.a.x + s.a.h) + s.c.h * s.g.x + s.c

    class Whole(Bistable):
        def step(self, s, h):
            return tanh(s.a) + self.u_c * h * s.g.x + s.c

    assert Parts().program == Whole().program


def test_one_value_that_is_normalised_is_one_value():
    class Normed(Leaky):
        def step(self, a, h):
            f = sigmoid(normalise(a.f))
            return f * h + (1 - f) * tanh(a.g)

    assert "mean" in {operation.name for operation in Normed().program.operations}


def test_a_number_that_is_drawn_in_a_step_is_refused():
    drawn = iter([0.25, 0.5])

    class Drawn(Leaky):
        def step(self, a, h):
            return a.f + a.g * next(drawn)

    with pytest.raises(CellError, match=r"the same each time, .*; for random numbers use mask"):
        _ = Drawn().program


def test_a_letter_of_a_gate_and_of_another_state_is_refused():
    class Twice(Leaky):
        states = {"h": "hidden", "f": "memory"}  # noqa: RUF012

    with pytest.raises(CellError, match="got f for gate forget and state memory"):
        _ = Twice().program


@pytest.mark.parametrize("result", [None, [], {}], ids=repr)
def test_a_step_without_a_result_or_with_a_list_is_refused(result):
    class Returns(Leaky):
        def step(self, a, h):
            return result

    with pytest.raises(CellError, match=r"to return h, got .*; return the states after the step"):
        _ = Returns().program


def test_a_cell_without_a_step_says_so_once():
    with pytest.raises(CellError) as error:
        _ = type("Stepless", (Cell,), {"gates": {"g": "candidate"}})().program
    assert str(error.value) == "Stepless: expected a step, got a cell without one; define step"


def test_a_value_of_a_step_prints_what_it_is():
    said = []

    class Prints(Leaky):
        def step(self, a, h):
            f = sigmoid(a.f)
            said.extend([f"{a.f} {h}", repr(f)])
            return f * h + a.g

    _ = Prints().program
    assert said[:2] == ["<sum.f.xh of a step> <state.h of a step>", "<sigmoid of a step>"]
