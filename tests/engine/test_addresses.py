"""The core's entries that take addresses: the bits of those that take arrays, also by segments."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasscell import engine
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
        self.shared = (at(p.x), *strides, p.T, p.B, at(lengths), at(reset), 0, segment, threads)

    def empty(self, *shape):
        # Filled with what no result may contain.
        return np.full(shape, np.nan, self.p.dtype)

    def forward(self):
        p, layer = self.p, self.layer
        P, H = layer.output_size, layer.hidden_size
        self.y, self.h_n = self.empty(p.T, p.B, P), self.empty(p.B, P)
        self.c_n = self.empty(p.B, H) if layer.lstm else None
        steps = self.segment or p.T
        self.tape = self.empty(steps, p.B, 5, layer.padded_size) if layer.lstm else None
        self.cells = self.empty((p.T - 1) // steps, p.B, H) if self.segment else None
        layer.forward_at(
            *self.shared, p.reverse, at(p.h0), at(p.c0), at(self.y), p.B * P, P,
            0 if self.segment else at(self.tape), at(self.cells), at(self.h_n), at(self.c_n),
        )  # fmt: skip
        return self.y, self.h_n, self.c_n

    def backward(self, dy, dh_n, dc_n, *, states):
        p, layer = self.p, self.layer
        P, H, G = layer.output_size, layer.hidden_size, len(p.weights.weight_ih)
        made = [
            self.empty(*p.x.shape),
            self.empty(p.B, P) if states else None,
            self.empty(p.B, H) if states and layer.lstm else None,
            self.empty(G, p.x.shape[2]),
            self.empty(G, P),
            self.empty(G) if layer.bias else None,
            self.empty(P, H) if layer.projected else None,
        ]
        layer.backward_at(
            *self.shared, p.reverse, at(p.h0), at(p.c0), at(self.y), p.B * P, P,
            at(self.tape), at(self.cells), at(dy), p.B * P, P, at(dh_n), at(dc_n),
            *map(at, made), 0, 0,
        )  # fmt: skip
        return made


@settings(max_examples=150, deadline=None)
@given(
    p=problems(steps=(1, 2, 3, 5, 8, 19), dtypes=(np.float32, np.float64)),
    segment=st.sampled_from((0, 1, 2, 3, 7)),
    threads=st.sampled_from((1, 2, 3)),
)
def test_forward_and_backward_give_the_bits_of_the_engine(p, segment, threads):
    segment = segment if p.config.mode == "LSTM" else 0
    call = Call(p, segment, threads)
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
        for found, expected in zip(made, grads[:7], strict=True):
            if found is not None:
                np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("lengths", "batch_sizes", "said"),
    [([4, 9], None, "lengths must lie"), (None, [2, 3], "never grow"), (None, [2, 1], "add up")],
)
def test_ends_that_do_not_fit_are_refused_before_memory_is_touched(lengths, batch_sizes, said):
    layer = engine.pack("RNN_TANH", _one())
    ends = [None if a is None else np.array(a, np.int64) for a in (lengths, None, batch_sizes)]
    with pytest.raises(ValueError, match=said):
        layer.forward_at(0, 0, 1, 2, 2, *map(at, ends), 0, 1, False, *[0] * 9)


def _one():
    one = np.ones((1, 1))
    return SimpleNamespace(weight_ih=one, weight_hh=one, bias_ih=None, bias_hh=None, weight_hr=None)
