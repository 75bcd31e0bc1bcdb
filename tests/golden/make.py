"""Make what `replay` checks: a tiny model, and what `glasscell.nn` computes with it.

Run `python tests/golden/make.py` when the format or the arithmetic changes on purpose.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

import glasscell
from glasscell import nn

HERE = Path(__file__).parent


def main() -> None:
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


if __name__ == "__main__":
    main()
