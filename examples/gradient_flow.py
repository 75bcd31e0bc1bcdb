"""Why the LSTM was made: how much of the gradient comes back over 100 steps."""

from __future__ import annotations

from textwrap import fill

import numpy as np
import torch

import glasscell
from glasscell.nn import LSTM, RNN


def last_step(output: tuple[torch.Tensor, object]) -> torch.Tensor:
    """The loss reads the last step only, so that all else must come along time."""
    return output[0][-1].square().sum()


def show(name: str, model: torch.nn.Module, x: torch.Tensor) -> None:
    """Print what is left of the gradient at four lags, and the verdict."""
    flow = glasscell.gradient_flow(model, x, last_step)
    layer = flow["l0"]
    norms = layer.hidden if layer.cell is None else layer.cell
    print(f"\n{name}")
    for lag in (0, 10, 50, 99):
        print(f"  {lag:3d} steps back  {norms[-1 - lag] / norms[-1]:.1e} of the gradient")
    print(fill(layer.judge().summary, 96, initial_indent="  ", subsequent_indent="  "))


def main() -> None:
    """Compare a plain RNN with two LSTMs."""
    torch.manual_seed(0)
    x = torch.randn(100, 16, 4)
    show("plain RNN", RNN(4, 32), x)
    show("LSTM as torch starts it", LSTM(4, 32), x)
    remembering = LSTM(4, 32)
    glasscell.gates.Textbook(remembering, "l0").b_f = np.full(32, 5.0)
    show("LSTM with forget bias 5", remembering, x)


if __name__ == "__main__":
    main()
