"""Layers of any cell made up for the tests of pages: weights, and a run of them in NumPy."""

from __future__ import annotations

import numpy as np

from glasscell.cells import Cell, exp, log_sigmoid, maximum, sigmoid, tanh
from glasscell.cells.evaluate import evaluate
from glasscell.cells.parameters import LayerWeights
from glasscell.inspect.subjects.subject import Recording
from glasscell.report.page.collect import PageOptions, explore
from glasscell.report.page.exploration import Exploration, Layer, Series
from glasscell.traces.layer import LayerTrace


class Leaky(Cell):
    """A cell of a reader's own: gates and a memory that nobody has a word for."""

    gates = {"w": "wet", "k": "keep", "g": "candidate"}  # noqa: RUF012
    states = {"h": "hidden", "m": "memory"}  # noqa: RUF012
    vectors = {"p_k": "peephole"}  # noqa: RUF012
    initial = {"m": 0.5}  # noqa: RUF012

    def step(self, a, h, m):
        """Say one step."""
        w, k, g = sigmoid(a.w), sigmoid(a.k + self.p_k * h), tanh(a.g.x + 0.5 * a.g.h)
        m = k * m + (1 - k) * g
        return w * tanh(m), m


class Exponential(Cell):
    """Gates that no bound holds, as the sLSTM has them."""

    gates = {"i": "input", "f": "forget", "z": "candidate", "o": "output"}  # noqa: RUF012
    states = {"h": "hidden", "c": "cell", "n": "normalizer", "m": "stabilizer"}  # noqa: RUF012

    def step(self, a, h, c, n, m):
        """Say one step."""
        m_new = maximum(log_sigmoid(a.f) + m, a.i)
        i, f = exp(a.i - m_new), exp(log_sigmoid(a.f) + m - m_new)
        z, o = tanh(a.z), sigmoid(a.o)
        c, n = f * c + i * z, f * n + i
        return o * (c / maximum(n, 1.0)), c, n, m_new


def layer(
    cell: Cell, steps: int = 40, inputs: int = 2, units: int = 6, seed: int = 0
) -> tuple[LayerTrace, LayerWeights, np.ndarray]:
    """A layer of a cell: what it did, its weights, and the (T, I) that it read."""
    rng = np.random.default_rng(seed)
    G, H = cell.gate_count, units
    program, gates = cell.program, list(cell.gates)

    def drawn(*shape):
        return rng.uniform(-0.9, 0.9, shape).astype(np.float32)

    W, R, b_ih, b_hh = drawn(G * H, inputs), drawn(G * H, H), drawn(G * H), drawn(G * H)
    if cell.recurrent != "full":
        R = None
    vectors = {letter: drawn(H) for letter in program.vectors}
    x = rng.normal(size=(steps, inputs)).astype(np.float32)
    states = [np.full(H, cell.initial.get(letter, 0.0)) for letter in cell.states]
    spoken = {**cell.gates, **cell.states, next(iter(cell.states)): "hidden"}
    rows = {name: [] for name in (*spoken.values(), *(f"kept {k}" for k in cell.reverse.kept))}
    for t in range(steps):
        sums = []
        for letter, reads in program.sums:
            block = slice(gates.index(letter) * H, (gates.index(letter) + 1) * H)
            total = np.zeros(H)
            if "x" in reads:
                total = total + W[block].astype(float) @ x[t] + b_ih[block]
            if "h" in reads:
                total = total + R[block].astype(float) @ states[0] + b_hh[block]
            sums.append(total)
        masks = [np.full(H, cell.masks[m].evaluation) for m in program.masks]
        given = [*sums, *states, *(vectors[v].astype(float) for v in program.vectors), *masks]
        values = evaluate(program.operations, given)
        states = [values[k] for k in program.outputs]
        for letter, value in program.names.items():
            rows[spoken[letter]].append(values[value])
        for k in cell.reverse.kept:
            rows[f"kept {k}"].append(values[k])
    arrays = {name: np.array(values, np.float32) for name, values in rows.items() if values}
    quantities = {name: arrays[spoken[letter]] for letter, name in _tape(cell).items()}
    extra = cell.reverse.kept[len(cell.reverse.quantities) :]
    trace = LayerTrace(
        quantities=quantities, hidden=arrays["hidden"], mode=cell, layout="TH",
        kept=tuple(arrays[f"kept {k}"] for k in extra),
    )  # fmt: skip
    more = {"vectors": vectors} if vectors else {}
    own = LayerWeights(weight_ih=W, weight_hh=R, bias_ih=b_ih, bias_hh=b_hh, **more)
    return trace, own, x


def _tape(cell: Cell) -> dict[str, str]:
    return dict(zip(cell.reverse.quantities, cell.quantities, strict=True))


def bare_page(cell: Cell, **options) -> Exploration:
    """A page of one layer of a cell on which nothing is measured."""
    trace, weights, x = layer(cell, **options)
    arrays = weights.arrays()
    if all(reads == "xh" for _, reads in cell.program.sums):
        arrays["bias"] = arrays.pop("bias_ih") + arrays.pop("bias_hh")
    return Exploration(
        title=cell.name,
        layers=[Layer(name="l0", mode=cell, weights=arrays)],
        series=[Series(name="s", traces=[trace], x=x)],
        start={"series": 0, "layer": 0, "t": 5, "unit": 1},
    )


def page(cell: Cell, ways: bool = True, **options) -> Exploration:
    """A page of one layer of a cell, with its weights."""
    trace, weights, x = layer(cell, **options)
    batch = trace.each(lambda array: array[:, None], layout="TBH")
    run = Recording(traces={"l0": batch}, weights={"l0": weights})
    return explore(run, x[None], PageOptions(title=cell.name, ways=ways))
