"""Prints one digest of the bits that this process's instruction set computes.

Run by test_kernels.py in one process per instruction set (GLASSCELL_FORCE_ISA): every line must be
the same in all of them. Each line is a case and the SHA-256 of its outputs, states, tape and
gradients, the tape without its padding, whose width belongs to the instruction set.
"""

from __future__ import annotations

import hashlib
import itertools

import numpy as np

from glasscell import _core, engine
from glasscell.cells.compact import COMPRESSED
from glasscell.cells.parameters import Config
from strategies import make_problem

SIZES = ((1, 1), (3, 5), (8, 16), (17, 33))  # I, H around the lanes of every instruction set
ORDERS = ({}, {"reverse": True, "ragged": True}, {"cut": True})


def digest(arrays):
    """Hash the bits of the arrays that are there."""
    total = hashlib.sha256()
    for array in arrays:
        if array is not None:
            total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()[:16]


def run(problem):
    """Give all that a layer computes, forward and backward."""
    p, H = problem, problem.config.hidden_size
    layer = engine.pack(p.config.mode, p.weights)
    out = engine.forward(layer, p.x, p.h0, p.c0, tape=True, **p.order())
    dy = np.random.default_rng(1).standard_normal(out.output.shape).astype(p.dtype)
    back = engine.backward(layer, p.x, out.output, p.h0, p.c0, out.tape, dy, flow=True, **p.order())
    tape = None if out.tape is None else out.tape[..., :H]
    return [out.output, out.h_n, out.c_n, tape, *back]


def run_compressed(problem, kept):
    """Give all that a compressed layer computes: forward, and step by step."""
    p, H = problem, problem.config.hidden_size
    layer = engine.pack(p.config.mode, p.weights, kept)
    out = engine.forward(layer, p.x, p.h0, p.c0, tape=True, **p.order())
    live = engine.stepper([layer])
    steps = [live.step(x).copy() for x in p.x[:, 0].copy()]
    tape = None if out.tape is None else out.tape[..., :H]
    return [out.output, out.h_n, out.c_n, tape, *steps]


def main():
    for mode, proj, (I, H), order, dtype in itertools.product(  # noqa: E741
        ("LSTM", "RNN_TANH", "RNN_RELU", "GRU"), (0, 2), SIZES, ORDERS, (np.float32, np.float64)
    ):
        if proj and (mode != "LSTM" or proj >= H):
            continue
        config = Config(mode=mode, input_size=I, hidden_size=H, proj_size=proj)
        for T, B in ((1, 1), (7, 5), (19, 13)):
            problem = make_problem(config, T, B, seed=T * H, dtype=dtype, **order)
            print(mode, proj, I, H, T, B, *order, np.dtype(dtype), digest(run(problem)))
            for kept in COMPRESSED if dtype is np.float32 else ():
                found = digest(run_compressed(problem, kept))
                print(mode, proj, I, H, T, B, *order, kept, found)
    rng = np.random.default_rng(2)
    for dtype in (np.float32, np.float64):
        x = rng.uniform(-30, 30, 4099).astype(dtype)
        y = np.empty_like(x)
        for function in (_core.sigmoid, _core.tanh, _core.exp, _core.log_sigmoid):
            function(x, y)
            print(function.__name__, np.dtype(dtype), digest([y]))
        packed = engine.pack_linear(x[:33].reshape(3, 11))
        print("linear", np.dtype(dtype), digest([engine.linear(packed, x[:1100].reshape(-1, 11))]))


if __name__ == "__main__":
    main()
