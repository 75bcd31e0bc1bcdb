"""Cells of tests' own, written as a user writes one: none of them is in the library."""

from __future__ import annotations

from glasscell.cells import LSTM, Cell, absolute, exp, log_sigmoid, maximum, mean, sigmoid, tanh


class Leaky(Cell):
    """A forget gate and a candidate; one state."""

    gates = {"f": "forget", "g": "candidate"}  # noqa: RUF012
    states = {"h": "hidden"}  # noqa: RUF012

    def step(self, a, h):
        f, g = sigmoid(a.f), tanh(a.g)
        return f * h + (1 - f) * g


class Stabilised(Cell):
    """Three states, one of which starts from 1: the exponential gates of an xLSTM, made small."""

    gates = {"i": "input", "f": "forget", "z": "candidate", "o": "output"}  # noqa: RUF012
    states = {"h": "hidden", "c": "cell", "n": "normaliser", "m": "stabiliser"}  # noqa: RUF012
    initial = {"n": 1.0}  # noqa: RUF012

    def step(self, a, h, c, n, m):
        kept = log_sigmoid(a.f) + m
        m = maximum(kept, a.i)
        i, f, z, o = exp(a.i - m), exp(kept - m - 0.001), tanh(a.z), sigmoid(a.o)
        c, n = f * c + i * z, f * n + i
        return o * c / maximum(absolute(n), 0.5), c, n, m


class Diagonal(Cell):
    """No matrix R: one weight a gate and unit, and a vector of its own."""

    gates = {"f": "forget", "g": "candidate"}  # noqa: RUF012
    states = {"h": "hidden", "c": "cell"}  # noqa: RUF012
    vectors = {"s": "scale"}  # noqa: RUF012
    recurrent = "diagonal"

    def step(self, a, h, c):
        f, g = sigmoid(a.f + self.s * c), tanh(a.g)
        c = f * c + (1 - f) * g
        return tanh(c) - mean(c), c


class Parallel(Cell):
    """No recurrence but on the belt."""

    gates = {"z": "update", "g": "candidate"}  # noqa: RUF012
    states = {"h": "hidden"}  # noqa: RUF012
    recurrent = None

    def step(self, a, h):
        z = sigmoid(a.z)
        return (1 - z) * h + z * a.g


OWN = [Leaky(), Stabilised(), Diagonal(), Parallel(), LSTM(peephole=True, coupled=True)]
