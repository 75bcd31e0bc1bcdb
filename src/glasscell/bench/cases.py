"""The list of cases: data, not code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from glasscell import cells
from glasscell.arrays import Array
from glasscell.errors import DataError

__all__ = ["CASES", "Case", "select"]

Mode = Literal["LSTM", "GRU", "RNN"]
Task = Literal["step", "cell", "pool", "inference", "training", "trace"]
Measure = Literal["time", "first call", "new length", "memory"]
Storage = Literal["float32", "bfloat16", "int8"]
Written = Literal["", "own cell", "layer norm", "zoneout", "recurrent dropout"]


@dataclass(frozen=True)
class Case:
    """One row of the benchmark: one layer, float32.

    Args:
        mode: "LSTM", "GRU", or "RNN" with tanh.
        name: What the row is called.
        task: "step": one step of one live sequence; "cell": one step of a torch cell module;
            "pool": one step of B of `capacity` live sequences; "inference"; "training": forward,
            backward, an SGD update in place; "trace": inference that also gives i f g o c.
        T: Time steps.
        B: Sequences.
        I: Features of each step.
        H: Hidden units.
        measure: "time": seconds of a call; "first call": the first call of a fresh process over a
            steady one; "new length": a call with a T never seen over a steady one, per step;
            "memory": peak bytes that training steps add to a fresh process.
        ragged: Whether lengths are uniform on 1 … T; else all T.
        weights: How glasscell stores the weights; others have float32 only.
        checkpoint: Whether glasscell keeps only every √T-th state for the backward pass.
        capacity: Live sequences of a pool.
        written: "own cell": the same equations through the door for a user's cells; else the option
            of the layer that is on.
        quick: Whether `--quick` measures it.
    """

    mode: Mode
    name: str
    task: Task
    T: int
    B: int
    I: int  # noqa: E741
    H: int
    measure: Measure = "time"
    ragged: bool = False
    weights: Storage = "float32"
    checkpoint: bool = False
    capacity: int = 0
    written: Written = ""
    quick: bool = False

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """(T, B, I, H)."""
        return self.T, self.B, self.I, self.H

    @property
    def label(self) -> str:
        """One line that no other case has.

        >>> Case("LSTM", "training", "training", 100, 32, 128, 128).label
        'LSTM training (100, 32, 128, 128)'
        """
        return f"{self.mode} {self.name} {self.sizes}"

    @property
    def gates(self) -> int:
        """Products with each step: 4, 3 or 1."""
        return self.cell.gate_count

    @property
    def cell(self) -> cells.Cell:
        """What is computed."""
        options: dict[Written, dict[str, Any]] = {
            "layer norm": {"layer_norm": True},
            "zoneout": {"zoneout": (0.1, 0.1)},
            "recurrent dropout": {"recurrent_dropout": 0.1},
        }
        if self.written in options:
            return cells.LSTM(**options[self.written])
        return cells.of("RNN_TANH" if self.mode == "RNN" else self.mode)

    @cached_property
    def lengths(self) -> Array | None:
        """(B,) int64, steps of each sequence; None: all T."""
        if not self.ragged:
            return None
        lengths = np.random.default_rng(1).integers(1, self.T + 1, self.B)
        lengths[0] = self.T
        return lengths

    @property
    def flop(self) -> int:
        """Multiplications and additions of the matrix products; nothing else is counted.

        Forward x W and h R; backward da R for every step, and the gradients of W and R. x needs no
        gradient. A checkpoint's second forward pass is not counted: it is not useful work.
        """
        steps = self.T * self.B if self.lengths is None else int(self.lengths.sum())
        inputs, hidden = (2 * steps * self.gates * self.H * n for n in (self.I, self.H))
        return 2 * inputs + 3 * hidden if self.task == "training" else inputs + hidden

    @property
    def unit(self) -> str:
        """Unit of what is measured: seconds, times a steady call, or bytes."""
        return {"time": "s", "memory": "B"}.get(self.measure, "x")

    @property
    def beside(self) -> tuple[str, Case] | None:
        """The same work another way by glasscell itself, timed in the same turns; with its name."""
        if self.measure != "time":
            return None
        if self.written:
            return "fused" if self.written == "own cell" else "plain", replace(self, written="")
        if self.task == "trace":
            return "untraced", replace(self, task="inference")
        if self.ragged:
            return "dense", replace(self, ragged=False)
        if self.weights != "float32":
            return "float32", replace(self, weights="float32")
        if self.checkpoint:
            return "no checkpoint", replace(self, checkpoint=False)
        if self.H % 16:  # the widest vectors hold 16 units
            up = self.H + 8 - self.H % 8
            wide = replace(self, H=up, I=up if self.I == self.H else self.I)
            return f"H = {up}, per FLOP", wide
        return None


SEQUENCE = [(100, 1, H, H) for H in (64, 128, 256, 512)]
BATCH = [(100, 32, 32, 64), (100, 32, 128, 128), (100, 32, 256, 256), (100, 64, 512, 512)]
HYDROLOGY = (365, 256, 32, 256)
ODD = [(100, 32, H, H) for H in (50, 100, 200)]
WHOLE: tuple[Task, ...] = ("inference", "training")
COMPRESSED: tuple[Storage, ...] = ("bfloat16", "int8")
QUICK = {(1, 1, 32, 32), (1, 1, 256, 256), (100, 1, 128, 128), (100, 32, 128, 128)}
FEW = {(1, 1, 64, 64), (100, 32, 128, 128)}


def _speed(mode: Mode) -> list[Case]:
    """The rows that every fused layer has."""
    quick = FEW if mode == "GRU" else QUICK
    step = [
        Case(mode, "one step", "step", 1, 1, H, H, quick=(1, 1, H, H) in quick)
        for H in (32, 64, 128, 256, 512)
    ]
    infer = [
        Case(mode, "inference", "inference", *sizes, quick=sizes in quick)
        for sizes in (*SEQUENCE, *BATCH)
    ]
    train = [
        Case(mode, "training", "training", *sizes, quick=sizes in quick)
        for sizes in ((100, 1, 256, 256), *BATCH, HYDROLOGY)
    ]
    return step + infer + train


def _lstm_only() -> list[Case]:
    odd = [Case("LSTM", task, task, *sizes) for task in WHOLE for sizes in ODD]
    ragged = [
        Case("LSTM", f"ragged {task}", task, *sizes, ragged=True, quick=task == "inference")
        for task in WHOLE
        for sizes in BATCH[:2]
    ]
    trace = [Case("LSTM", "every gate", "trace", 100, B, 128, 128, quick=B == 32) for B in (1, 32)]
    compressed = [
        Case("LSTM", f"one step, {kind} weights", "step", 1, 1, H, H, weights=kind)
        for H in (512, 1024)
        for kind in COMPRESSED
    ]
    return [
        *odd,
        *ragged,
        *trace,
        *compressed,
        Case("LSTM", "cell from torch", "cell", 1, 4, 16, 32),
        Case("LSTM", "pool, one step", "pool", 1, 1000, 32, 32, capacity=100_000),
        Case("LSTM", "pool, one step", "pool", 1, 1000, 128, 128, capacity=10_000),
        Case("LSTM", "first call", "inference", 100, 32, 128, 128, "first call"),
        Case("LSTM", "new length", "inference", 100, 32, 128, 128, "new length", quick=True),
        Case("LSTM", "peak memory", "training", 100, 32, 128, 128, "memory"),
        Case("LSTM", "peak memory", "training", 1000, 32, 128, 128, "memory"),
        Case(
            "LSTM", "peak memory, checkpoint", "training", 1000, 32, 128, 128, "memory",
            checkpoint=True,
        ),
        Case(
            "LSTM", "training, checkpoint", "training", 1000, 32, 128, 128, checkpoint=True
        ),
    ]  # fmt: skip


def _gru_only() -> list[Case]:
    sizes = (100, 32, 128, 128)
    return [
        Case("GRU", "ragged inference", "inference", *sizes, ragged=True),
        Case("GRU", "ragged training", "training", *sizes, ragged=True),
        Case("GRU", "every gate", "trace", *sizes),
        Case("GRU", "cell from torch", "cell", 1, 4, 16, 32),
        Case("GRU", "pool, one step", "pool", 1, 1000, 32, 32, capacity=100_000),
    ]


def _written() -> list[Case]:
    """Cells that run as programs, beside the layer with fused kernels."""
    sizes = (100, 32, 128, 128)
    options: tuple[Written, ...] = ("layer norm", "zoneout", "recurrent dropout")
    return [
        Case("LSTM", "one step, own cell", "step", 1, 1, 64, 64, written="own cell"),
        *(
            Case("LSTM", f"{task}, own cell", task, *sizes, written="own cell", quick=True)
            for task in WHOLE
        ),
        Case("GRU", "training, own cell", "training", *sizes, written="own cell"),
        *(Case("LSTM", f"training, {kind}", "training", *sizes, written=kind) for kind in options),
    ]


CASES: tuple[Case, ...] = (
    *_speed("LSTM"),
    *_lstm_only(),
    *_speed("GRU"),
    *_gru_only(),
    *_written(),
    *_speed("RNN"),
)
"""Every row, in the order of the tables."""


def select(text: str = "", *, quick: bool = False, among: Sequence[Case] = CASES) -> list[Case]:
    """Find cases by words of their labels.

    Args:
        text: Words that a label must have, upper or lower case. Default: every case.
        quick: Only the few rows of a first look.
        among: Where to look.

    Raises:
        DataError: No label has them all.

    >>> [case.label for case in select("rnn TRAINING 365")]
    ['RNN training (365, 256, 32, 256)']
    """
    words = text.lower().split()
    cases = [
        case
        for case in among
        if all(word in case.label.lower() for word in words) and (case.quick or not quick)
    ]
    if not cases:
        names = ", ".join(_unique(f"{case.mode} {case.name}" for case in among))
        few = " among the --quick ones" if quick else ""
        raise DataError(
            f"--cases: no case{few} has all words of {text!r}; there are {names}; "
            "--list shows every row"
        )
    return cases


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
