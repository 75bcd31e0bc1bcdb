"""Make what `replay` checks: tiny models, and what `glasscell.nn` computes with them.

Run `python tests/golden/make.py` when the format or the arithmetic changes on purpose.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
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
    detector()
    text()


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


KEPT = ("config.json", "model.safetensors", "preprocessing.json")
"""What prediction, streams and samples read of a run folder."""


def detector() -> None:
    """A run on labelled sequences that reads step by step, and what it says after each row."""
    from glasscell.tasks.sequences import fit
    from glasscell.tasks.sequences.live import Live

    rng = np.random.default_rng(0)
    label = np.arange(24) % 2
    x = [rng.normal(size=(3 + k % 5, 2)) + label[k] * np.arange(3 + k % 5)[:, None]
         for k in range(24)]  # fmt: skip
    options = {"hidden_size": 4, "epochs": 20, "rounds": 2, "bidirectional": False}
    names = np.where(label, "rises", "stays")
    keep(HERE / "detector", lambda out: fit((x, names), out, jobs=1, **options))
    live, rows = Live(HERE / "detector"), np.cumsum(rng.normal(size=(8, 2)), axis=0)
    said = np.array([live.step(row)[1:] for row in rows])
    save_file({"rows": torch.from_numpy(rows), "said": torch.from_numpy(said)},
              HERE / "detector.safetensors")  # fmt: skip


def text() -> None:
    """A run on text, and what it writes."""
    from glasscell.tasks.text import fit, sample

    file = HERE / "source.txt"
    file.write_text("the cell keeps; the gate opens; the cell forgets. " * 40)
    options = {"hidden_size": 16, "epochs": 20, "truncation": 16}
    keep(HERE / "text", lambda out: fit(file, out, jobs=1, **options))
    file.unlink()
    written = sample(HERE / "text", "the ", 40, 1, 0.5)
    (HERE / "text.txt").write_text(written)


def keep(folder: Path, fit: Callable[[Path], object]) -> None:
    """Make a run and keep what it is read by."""
    with tempfile.TemporaryDirectory() as place:
        fit(Path(place) / "run")
        folder.mkdir(exist_ok=True)
        for name in KEPT:
            shutil.copy(Path(place) / "run" / name, folder / name)


if __name__ == "__main__":
    main()
