"""The engine gives the bits of the NumPy reference for every cell: each operation rounds once.

The reference's own products are as NumPy adds them; here they are chains of fused multiply-adds,
exact before each rounding: the bias, then x, then h.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from cell_family import FAMILY
from glasscell import engine, reference
from glasscell.cells.parameters import Config
from glasscell.reference import by_program
from own_cells import OWN
from program_twin import PAIRS, SINGLES, apply
from strategies import make_problem

CELLS = {**FAMILY, **{repr(cell): cell for cell in OWN}}


def fused(total, a, b):
    """``a * b + total``, rounded once."""
    if total.dtype == np.float32:
        wide = a.astype(np.longdouble) * b.astype(np.longdouble) + total.astype(np.longdouble)
        return wide.astype(np.float32)
    each = np.frompyfunc(lambda t, p, q: float(Fraction(t) + Fraction(p) * Fraction(q)), 3, 1)
    return each(total, a, b).astype(np.float64)


def chained(step, weights, x, h):
    """The sums of a step, one product after the other."""
    sums = []
    for each in step.program.sums:
        block = by_program._block(step.cell, each, h.shape[1])
        parts = [
            (read, matrix, bias)
            for letter, read, matrix, bias in (
                ("x", x, weights.weight_ih, weights.bias_ih),
                ("h", h, weights.weight_hh, weights.bias_hh),
            )
            if letter in each.reads
        ]
        biases = [bias[block] for *_, bias in parts if bias is not None]
        total = np.zeros_like(h) + sum(biases[1:], biases[0] if biases else 0)
        for read, matrix, _ in parts:
            for k in range(read.shape[1]):
                total = fused(total, *np.broadcast_arrays(read[:, k, None], matrix[None, block, k]))
        sums.append(total)
    return sums


def twin(name):
    def run(*operands):
        shape = np.broadcast_shapes(*(operand.shape for operand in operands))
        return apply(name, [np.broadcast_to(operand, shape) for operand in operands])

    return run


FUNCTIONS = {name: twin(name) for name in (*PAIRS, *SINGLES, "mean")}


@pytest.mark.parametrize("order", [{}, {"reverse": True, "ragged": True, "cut": True}], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CELLS)
def test_the_engine_has_the_bits_of_the_program_in_numpy(monkeypatch, name, dtype, order):
    monkeypatch.setattr(by_program, "_sums", chained)
    cell = CELLS[name]
    config = Config(mode=cell, input_size=3, hidden_size=5)
    p = make_problem(config, 4, 3, dtype=dtype, **order)
    c0 = None if p.c0 is None else np.abs(p.c0)  # a normaliser is never below 0
    run = reference.run_cell(cell, p.weights, p.x, p.h0, c0, functions=FUNCTIONS, **p.order())
    layer = engine.pack(config.mode, p.weights)
    found = engine.forward(layer, p.x, p.h0, c0, tape=True, **p.order())
    np.testing.assert_array_equal(found.output, run.h)
    np.testing.assert_array_equal(found.h_n, run.h_n)
    if c0 is not None:
        np.testing.assert_array_equal(found.c_n, run.c_n)
    for slot, quantity in enumerate(cell.quantities):
        np.testing.assert_array_equal(found.tape[:, :, slot, :5], run.quantities[quantity])
