"""Deployment: save with torch once, then run step by step with NumPy alone, the same bits."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

WITHOUT_TORCH = """
import sys, time
import numpy as np
import glasscell

folder = sys.argv[1]
model = glasscell.load(folder + "/model")
x, expected = np.load(folder + "/x.npy"), np.load(folder + "/y.npy")
stream = model.stream()
y = np.array([stream.step(row).copy() for row in x])
print("torch imported:", "torch" in sys.modules)
print("same bits as in training:", np.array_equal(y, expected))
began = time.perf_counter()
for row in x:
    stream.step(row)
print(f"{1e6 * (time.perf_counter() - began) / len(x):.1f} microseconds per step")
"""


def main() -> None:
    """Save a model here, run it in a process that never imports torch."""
    import numpy as np
    import torch

    import glasscell
    from glasscell.nn import LSTM, Linear

    torch.manual_seed(0)
    lstm, head = LSTM(8, 64), Linear(64, 1)
    x = torch.randn(2000, 8)
    with torch.no_grad():
        y = head(lstm(x)[0])
    with tempfile.TemporaryDirectory() as folder:
        glasscell.save(torch.nn.Sequential(lstm, head), Path(folder, "model"))
        np.save(Path(folder, "x.npy"), x.numpy())
        np.save(Path(folder, "y.npy"), y.numpy())
        subprocess.run([sys.executable, "-c", WITHOUT_TORCH, folder], check=True)


if __name__ == "__main__":
    main()
