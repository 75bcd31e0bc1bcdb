"""The engine gives the reference's gradients for every cell: states, vectors, both biases."""

from __future__ import annotations

import numpy as np
import pytest

from cell_family import FAMILY
from glasscell import engine, reference
from glasscell.cells.parameters import Config
from oracles import relative_error
from own_cells import OWN
from strategies import make_problem

CELLS = {**FAMILY, **{repr(cell): cell for cell in OWN}}
ORDERS = [{}, {"cut": True}, {"reverse": True, "ragged": True, "cut": True}]


def drawn(cell, p):
    """Masks of a run in training, (T, B, M, H), and the same by letter."""
    rng = np.random.default_rng(8)
    letters = cell.program.masks
    if not letters:
        return None, None
    shape = p.T, p.B, p.config.hidden_size
    masks = {
        letter: np.where(rng.random(shape) < mask.probability, mask.on, mask.off)
        for letter, mask in ((letter, cell.masks[letter]) for letter in letters)
    }
    return np.stack([masks[letter] for letter in letters], 2), masks


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "+".join(order) or "plain")
@pytest.mark.parametrize("name", CELLS)
def test_every_gradient_is_the_references(name, order):
    cell = CELLS[name]
    config = Config(mode=cell, input_size=3, hidden_size=7)
    p = make_problem(config, 5, 4, seed=2, **order)
    c0 = None if p.c0 is None else np.abs(p.c0) + 0.5  # a normaliser is never near 0
    together, masks = drawn(cell, p)
    run = reference.run_cell(cell, p.weights, p.x, p.h0, c0, masks=masks, **p.order())
    rng = np.random.default_rng(1)
    dy, dh_n = rng.standard_normal(run.h.shape), rng.standard_normal(run.h_n.shape)
    dc_n = None if run.c_n is None else rng.standard_normal(run.c_n.shape)
    exact = reference.run_cell_backward(run, dy, dh_n, dc_n)
    layer = engine.pack(config.mode, p.weights)
    given = {**p.order(), **({} if together is None else {"masks": together})}
    done = engine.forward(layer, p.x, p.h0, c0, tape=True, **given)
    np.testing.assert_allclose(done.output, run.h, rtol=1e-10, atol=1e-12)
    back = engine.backward(
        layer, p.x, done.output, p.h0, c0, done.tape, dy, dh_n, dc_n, flow=True, **given
    )
    found = {f"d{part}": getattr(back, part) for part in ("x", "h0", "c0", "weight_ih")}
    found |= {"dbias_ih": back.bias, "dh": back.dh, "dc": back.dc, "dvectors": back.vectors}
    if cell.recurrent == "full":
        found["dweight_hh"] = back.weight_hh
        found["dbias_hh"] = back.bias if back.bias_hh is None else back.bias_hh
    for part, gradient in found.items():
        wanted = getattr(exact, part)
        assert (gradient is None) == (wanted is None), part
        if wanted is not None:
            assert relative_error(gradient, wanted) < 1e-10, part
