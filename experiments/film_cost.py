"""What a training film costs: the time of training steps with and without one, interleaved.

    python experiments/film_cost.py

Writes results/film.json and prints the table of README.md: per network the median step, one frame,
and the frame's share of the time at 100 steps a frame.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch

import glasscell
from glasscell.inspect import Film
from glasscell.nn import LSTM, RNN
from glasscell.training.trainer import Batch, Descent

RESULT = Path(__file__).parent / "results" / "film.json"
CASES = (
    # kind, layers, T, B, I, H
    (LSTM, 1, 24, 128, 4, 32),
    (LSTM, 1, 100, 32, 8, 64),
    (LSTM, 2, 100, 64, 16, 128),
    (LSTM, 1, 200, 64, 64, 256),
    (RNN, 1, 100, 64, 8, 64),
)
EVERY = 100
HEAD = (
    "| network | training step | one frame | share of the time at `every=100` |\n|---|--:|--:|--:|"
)


class LastStep(torch.nn.Module):
    """A linear answer from the last hidden state."""

    def __init__(self, recurrent: torch.nn.RNNBase, head: torch.nn.Linear) -> None:
        super().__init__()
        self.recurrent, self.head = recurrent, head

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Answer (B, 1) to sequences (T, B, I)."""
        answer: torch.Tensor = self.head(self.recurrent(x)[0][-1])
        return answer


def measure(
    kind: type[torch.nn.RNNBase], layers: int, steps: int, batch: int, *sizes: int
) -> dict[str, Any]:
    """Train for a while, with a frame every so many steps, and time each step."""
    network = LastStep(kind(*sizes, num_layers=layers), torch.nn.Linear(sizes[1], 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    shown = Batch(torch.randn(steps, batch, sizes[0]), torch.randn(batch, 1))
    film = Film(network, every=4)
    descent = Descent(network, optimizer, torch.nn.functional.mse_loss, clip=None, film=film)
    plain, filmed = [], []
    for step in range(1, 42):
        began = time.perf_counter()
        descent.step(shown)
        (filmed if step % 4 == 1 else plain).append(time.perf_counter() - began)
    alone, with_frame = statistics.median(plain[3:]), statistics.median(filmed[1:])
    return {
        "network": f"{kind.__name__}, L={layers} T={steps} B={batch} I={sizes[0]} H={sizes[1]}",
        "step_ms": round(1e3 * alone, 3),
        "frame_ms": round(1e3 * (with_frame - alone), 3),
        "share": round((with_frame - alone) / (EVERY * alone), 5),
    }


def row(result: dict[str, Any]) -> str:
    """One line of the table."""
    return (
        f"| {result['network']} | {result['step_ms']:.2f} ms | {result['frame_ms']:.2f} ms "
        f"| {result['share']:.2%} |"
    )


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rows = [measure(*case) for case in CASES]
    content = {"cpu": glasscell.cpu_info()["isa"], "threads": 1, "every": EVERY, "rows": rows}
    RESULT.write_text(json.dumps(content, indent=2) + "\n")
    print("\n".join((HEAD, *map(row, rows))))
