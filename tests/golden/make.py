"""Make what `replay` checks: tiny models, and what `glasscell.nn` computes with them.

Run `python tests/golden/make.py` when the format or the arithmetic changes on purpose.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

import glasscell
from glasscell import nn
from glasscell.cells import Cell, absolute, exp, log_sigmoid, maximum, sigmoid, tanh

HERE = Path(__file__).parent


class Stabilised(Cell):
    """A cell that is not in the library, with three states beside the hidden one."""

    gates = {"i": "input", "f": "forget", "z": "candidate", "o": "output"}  # noqa: RUF012
    states = {"h": "hidden", "c": "cell", "n": "normaliser", "m": "stabiliser"}  # noqa: RUF012
    initial = {"n": 1.0}  # noqa: RUF012

    def step(self, a, h, c, n, m):
        kept = log_sigmoid(a.f) + m
        m = maximum(kept, a.i)
        i, f, z, o = exp(a.i - m), exp(kept - m), tanh(a.z), sigmoid(a.o)
        c, n = f * c + i * z, f * n + i
        return o * c / maximum(absolute(n), 0.5), c, n, m


def main() -> None:
    tiny()
    cells()


def tiny() -> None:
    torch.manual_seed(1997)
    encoder = nn.LSTM(3, 5, num_layers=2)
    middle, decoder, head = nn.Linear(5, 4), nn.RNN(4, 3), nn.Linear(3, 2)
    network = torch.nn.Sequential(encoder, middle, decoder, head).eval()
    glasscell.save(network, HERE / "tiny", force=True)

    x = torch.randn(12, 3, 3)
    lengths = torch.tensor([12, 5, 9])
    reset = torch.rand(12, 3) < 0.2
    found: dict[str, torch.Tensor] = {"x": x, "lengths": lengths, "reset": reset}
    with torch.no_grad():
        for name, cut in {"whole": {}, "cut": {"lengths": lengths, "reset": reset}}.items():
            below, (h, c) = encoder(x, **cut)
            above, last = decoder(middle(below), **cut)
            output = head(above)
            if cut:
                output[torch.arange(12)[:, None] >= lengths] = 0
            found |= {f"{name}.output": output, f"{name}.h": h, f"{name}.c": c}
            found[f"{name}.last"] = last
    save_file(found, HERE / "tiny.safetensors")


def cells() -> None:
    torch.manual_seed(2014)
    layers = [
        nn.GRU(3, 5, num_layers=2),
        nn.Recurrent(Stabilised(), 5, 4),
        nn.LSTM(4, 3, peephole=True, zoneout=(0.25, 0.0)),
    ]
    head = nn.Linear(3, 2)
    glasscell.save(torch.nn.Sequential(*layers, head).eval(), HERE / "cells", force=True)

    x = torch.randn(12, 3, 3)
    lengths = torch.tensor([12, 5, 9])
    reset = torch.rand(12, 3) < 0.2
    found: dict[str, torch.Tensor] = {"x": x, "lengths": lengths, "reset": reset}
    with torch.no_grad():
        for name, cut in {"whole": {}, "cut": {"lengths": lengths, "reset": reset}}.items():
            y = x
            for place, layer in enumerate(layers):
                y, state = layer.eval()(y, **cut)
                states = state if isinstance(state, tuple) else (state,)
                found |= {f"{name}.{place}.{k}": s.contiguous() for k, s in enumerate(states)}
            output = head(y)
            if cut:
                output[torch.arange(12)[:, None] >= lengths] = 0
            found[f"{name}.output"] = output
    save_file(found, HERE / "cells.safetensors")


if __name__ == "__main__":
    main()
