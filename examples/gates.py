"""Every gate of an LSTM at every step, out of a model whose code nobody touched."""

from __future__ import annotations

import numpy as np
import torch

import glasscell


def main() -> None:
    """Open the gates, check the equation, set one gate."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.LSTM(3, 8))
    x = torch.randn(50, 2, 3)  # 50 steps, 2 sequences, 3 features

    with glasscell.trace(model) as trace:
        model(x)

    layer = trace["0.l0"]
    for name in ("forget", "input", "candidate", "output", "cell", "hidden"):
        values = getattr(layer, name)
        print(f"{name:<10} {values.shape}  {values.min():+.3f} … {values.max():+.3f}")

    # The equation of the memory cell holds to the bit, in NumPy, in the traced numbers.
    c = layer.cell
    again = layer.forget[1:] * c[:-1] + layer.input[1:] * layer.candidate[1:]
    print("C_t = f_t * C_{t-1} + i_t * C̃_t, exactly:", np.array_equal(again, c[1:]))

    # Gates can be set, too, in the textbook's form: a forget bias of 3 makes a longer memory.
    glasscell.gates.Textbook(model[0], "l0").b_f = np.full(8, 3.0)
    with glasscell.trace(model) as trace:
        model(x)
    print(f"mean forget gate {layer.forget.mean():.2f} -> {trace['0.l0'].forget.mean():.2f}")


if __name__ == "__main__":
    main()
