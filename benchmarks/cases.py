"""The list of cases: data, not code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One row: T steps, B sequences, I inputs, H hidden units; one layer, float32."""

    name: str
    mode: str  # "LSTM" or "RNN"
    task: str  # "inference", "training", "trace" (every gate), "step" (one step), "cell"
    T: int
    B: int
    I: int  # noqa: E741
    H: int

    @property
    def gates(self) -> int:
        return 4 if self.mode == "LSTM" else 1

    @property
    def flop(self) -> int:
        """Multiplications and additions of the matrix products; nothing else is counted."""
        inputs, hidden = (2 * self.T * self.B * self.gates * self.H * n for n in (self.I, self.H))
        # backward: dR and dh for every step, dW; x needs no gradient
        return inputs + hidden if self.task != "training" else 2 * inputs + 3 * hidden


def _rows(mode: str) -> list[Case]:
    sizes = [
        ("sequence", 100, 1, 64, 64),
        ("sequence", 100, 1, 256, 256),
        ("batch", 100, 32, 32, 64),
        ("batch", 100, 32, 128, 128),
        ("batch", 100, 32, 256, 256),
        ("batch", 100, 64, 512, 512),
        ("odd sizes", 100, 32, 50, 50),
    ]
    return [
        Case(f"{mode} {kind}", mode, task, T, B, I, H)
        for task in ("inference", "training")
        for kind, T, B, I, H in sizes  # noqa: E741
        if not (task == "training" and B == 1 and H == 64)
    ]


CASES = [
    Case("LSTM one step", "LSTM", "step", 1, 1, 64, 64),
    Case("LSTM one step", "LSTM", "step", 1, 1, 256, 256),
    *_rows("LSTM"),
    Case("LSTMCell from torch", "LSTM", "cell", 1, 4, 16, 32),
    Case("LSTM every gate returned", "LSTM", "trace", 100, 32, 128, 128),
    Case("LSTM every gate returned", "LSTM", "trace", 100, 1, 128, 128),
    *[c for c in _rows("RNN") if c.H in (64, 128, 512) and c.B > 1],
]
