"""The core's entries that take addresses: the bits of those that take arrays, also by segments."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasscell import engine
from glasscell.engine import Addresses, GradientAddresses
from strategies import problems


def at(array):
    return 0 if array is None else array.__array_interface__["data"][0]


class Call:
    """One run of a packed layer from addresses; segment 0 keeps a whole tape."""

    def __init__(self, p, segment, threads):
        self.p, self.layer, self.segment = p, engine.pack(p.config.mode, p.weights), segment
        lengths = None if p.lengths is None else np.ascontiguousarray(p.lengths, np.int64)
        reset = None if p.reset is None else np.ascontiguousarray(p.reset).view(np.uint8)
        self.held = lengths, reset
        strides = [stride // p.x.itemsize for stride in p.x.strides[:2]]
        self.shared = {
            "x": at(p.x), "x_step": strides[0], "x_row": strides[1], "steps": p.T, "batch": p.B,
            "lengths": at(lengths), "reset": at(reset), "segment": segment, "threads": threads,
            "reverse": p.reverse, "h0": at(p.h0), "c0": at(p.c0),
        }  # fmt: skip

    def empty(self, *shape):
        # Filled with what no result may contain.
        return np.full(shape, np.nan, self.p.dtype)

    def forward(self):
        p, layer = self.p, self.layer
        P, H = layer.output_size, layer.hidden_size
        self.y, self.h_n = self.empty(p.T, p.B, P), self.empty(p.B, P)
        self.c_n = self.empty(p.B, H) if layer.extra_states else None
        steps = self.segment or p.T
        row = layer.kept, layer.padded_size
        self.tape = self.empty(steps, p.B, *row) if layer.kept else None
        cells = self.segment and layer.extra_states
        self.cells = self.empty((p.T - 1) // steps, p.B, H) if cells else None
        self.shared |= {"y": at(self.y), "y_step": p.B * P, "y_row": P, "cells": at(self.cells)}
        whole = None if self.segment else self.tape
        layer.forward_at(
            Addresses(**self.shared, tape=at(whole), h_n=at(self.h_n), c_n=at(self.c_n))
        )
        return self.y, self.h_n, self.c_n

    def backward(self, dy, dh_n, dc_n, *, states):
        p, layer = self.p, self.layer
        P, H, G = layer.output_size, layer.hidden_size, len(p.weights.weight_ih)
        made = {
            "dx": self.empty(*p.x.shape),
            "dh0": self.empty(p.B, P) if states else None,
            "dc0": self.empty(p.B, H) if states and layer.extra_states else None,
            "dweight_ih": self.empty(G, p.x.shape[2]),
            "dweight_hh": self.empty(G, P),
            "dbias": self.empty(G) if layer.bias else None,
            "dweight_hr": self.empty(P, H) if layer.projected else None,
            "dbias_hh": self.empty(G) if layer.bias and layer.split else None,
        }
        incoming = {"dy": at(dy), "dy_step": p.B * P, "dy_row": P}
        layer.backward_at(
            Addresses(**self.shared, tape=at(self.tape)),
            GradientAddresses(
                **incoming, dh_n=at(dh_n), dc_n=at(dc_n), **{k: at(a) for k, a in made.items()}
            ),
        )
        return list(made.values())


@settings(max_examples=150, deadline=None)
@given(
    p=problems(steps=(1, 2, 3, 5, 8, 19), dtypes=(np.float32, np.float64)),
    segment=st.sampled_from((0, 1, 2, 3, 7)),
    threads=st.sampled_from((1, 2, 3)),
)
def test_forward_and_backward_give_the_bits_of_the_engine(p, segment, threads):
    keeps_a_tape = engine.pack(p.config.mode, p.weights).kept > 0
    call = Call(p, segment if keeps_a_tape else 0, threads)
    run = engine.forward(call.layer, p.x, p.h0, p.c0, tape=True, **p.order())
    for found, expected in zip(call.forward(), run[:3], strict=True):
        np.testing.assert_array_equal(found, expected)
    rng = np.random.default_rng(p.seed)
    dy, dh_n = (rng.standard_normal(a.shape).astype(p.dtype) for a in run[:2])
    dc_n = None if run.c_n is None else rng.standard_normal(run.c_n.shape).astype(p.dtype)
    grads = engine.backward(
        call.layer, p.x, run.output, p.h0, p.c0, run.tape, dy, dh_n, dc_n, **p.order()
    )
    for states in (True, False):
        made = call.backward(dy, dh_n, dc_n, states=states)
        for found, expected in zip(made, [*grads[:7], grads.bias_hh], strict=True):
            if found is not None:
                np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("lengths", "batch_sizes", "said"),
    [([4, 9], None, "lengths must lie"), (None, [2, 3], "never grow"), (None, [2, 1], "add up")],
)
def test_ends_that_do_not_fit_are_refused_before_memory_is_touched(lengths, batch_sizes, said):
    layer = engine.pack("RNN_TANH", _one())
    ends = [None if a is None else np.array(a, np.int64) for a in (lengths, batch_sizes)]
    with pytest.raises(ValueError, match=said):
        layer.forward_at(
            Addresses(
                x_row=1, steps=2, batch=2, threads=1,
                lengths=at(ends[0]), batch_sizes=at(ends[1]),
            )
        )  # fmt: skip


@pytest.mark.parametrize("struct", [Addresses, GradientAddresses])
def test_every_field_of_the_structs_has_its_name_and_nothing_else_has_one(struct):
    """That `_core.pyi` names the same fields is asserted in tests/test_codebase.py."""
    fields = [name for name in dir(struct) if not name.startswith("_")]
    values = {name: (1 << 40) + k for k, name in enumerate(fields)}
    filled = struct(**values)
    assert {name: getattr(filled, name) for name in fields} == values
    assert {getattr(struct(), name) for name in fields} == {0}
    for name in fields:
        assert [getattr(struct(**{name: 7}), other) for other in fields].count(7) == 1
    for refused in ({"h_0": 1}, {fields[0]: 1.5}, {fields[0]: None}):
        with pytest.raises(TypeError):
            struct(**refused)
    with pytest.raises(TypeError):
        struct(1)


def test_a_stack_refuses_what_its_layers_cannot_all_do():
    layer = engine.pack("RNN_TANH", _one())
    for options in ({"reverse": 1}, {"segment": 3}):
        with pytest.raises(ValueError, match="a stack runs padded, forward and whole"):
            layer.stack_at([layer], Addresses(steps=1, batch=1, **options), [(0, 1, 1)])


def _one():
    one = np.ones((1, 1))
    return SimpleNamespace(weight_ih=one, weight_hh=one, bias_ih=None, bias_hh=None, weight_hr=None)
