"""One line changed in a torch model: the same weights, the same numbers, less time."""

from __future__ import annotations

import time

import torch

import glasscell


class Tagger(torch.nn.Module):
    """A model as people have it: an LSTM on 40 features, a tag for every step."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = torch.nn.LSTM(40, 128, batch_first=True)
        self.head = torch.nn.Linear(128, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give (B, T, 5)."""
        output, _ = self.encoder(x)
        return self.head(output)


def milliseconds(model: torch.nn.Module, x: torch.Tensor) -> float:
    """Time one training step: forward and backward, best of 10."""
    times = []
    for _ in range(10):
        began = time.perf_counter()
        model(x).square().mean().backward()
        times.append(time.perf_counter() - began)
    return 1000 * min(times)


def main() -> None:
    """Compare numbers and times before and after the one line."""
    torch.manual_seed(0)
    x = torch.randn(32, 100, 40)
    model = Tagger()
    before, slow = model(x), milliseconds(model, x)

    glasscell.convert(model)  # the one line

    after, fast = model(x), milliseconds(model, x)
    print(f"same numbers: largest difference {float((before - after).detach().abs().max()):.1e}")
    print(f"one training step: torch {slow:.1f} ms, glasscell {fast:.1f} ms")
    print(f"still torch's own class: {isinstance(model.encoder, torch.nn.LSTM)}")


if __name__ == "__main__":
    main()
