"""What a training film costs: the time of training steps with and without one, interleaved.

    python experiments/film_cost.py

Prints, per network, the median step, one frame, and its share of the time at 100 steps a frame.
"""

from __future__ import annotations

import statistics
import time

import torch

from glasscell.inspect import Film
from glasscell.nn import LSTM, RNN

CASES = (
    # kind, layers, T, B, I, H
    (LSTM, 1, 24, 128, 4, 32),
    (LSTM, 1, 100, 32, 8, 64),
    (LSTM, 2, 100, 64, 16, 128),
    (LSTM, 1, 200, 64, 64, 256),
    (RNN, 1, 100, 64, 8, 64),
)
EVERY = 100


def measure(kind: type[torch.nn.RNNBase], layers: int, steps: int, batch: int, *sizes: int) -> None:
    """Train for a while, with a frame every so many steps, and time each step."""
    network = kind(*sizes, num_layers=layers)
    head = torch.nn.Linear(sizes[1], 1)
    parameters = [*network.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    x, y = torch.randn(steps, batch, sizes[0]), torch.randn(batch, 1)
    film = Film(network, every=4)
    plain, filmed = [], []
    for step in range(1, 42):
        began = time.perf_counter()
        loss = torch.nn.functional.mse_loss(head(network(x)[0][-1]), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        film.step(loss)
        (filmed if step % 4 == 1 else plain).append(time.perf_counter() - began)
    alone, with_frame = statistics.median(plain[3:]), statistics.median(filmed[1:])
    frame = with_frame - alone
    name = f"{kind.__name__} L={layers} T={steps} B={batch} I={sizes[0]} H={sizes[1]}"
    print(
        f"{name:40} step {1e3 * alone:7.2f} ms   frame {1e3 * frame:6.2f} ms   "
        f"{frame / (EVERY * alone):.2%} of the time at every = {EVERY}"
    )


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.set_num_threads(1)
    for case in CASES:
        measure(*case)
