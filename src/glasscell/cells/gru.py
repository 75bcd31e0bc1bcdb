"""The gated recurrent unit, in the form of cuDNN and torch: the reset gate acts after the product.

Sources: K. Cho et al., Learning phrase representations using RNN encoder-decoder, EMNLP 2014,
arXiv:1406.1078; the form with the reset gate after the product: J. Chung et al. 2014,
arXiv:1412.3555, as computed by cuDNN.
"""

from __future__ import annotations

from typing import Any

from glasscell.cells.definition import Cell, Mask, of_hidden, require_probability
from glasscell.cells.symbols import normalise, sigmoid, tanh
from glasscell.errors import CellError

__all__ = ["GRU"]


class GRU(Cell):
    """The GRU: the update gate decides how much of the hidden state stays.

    ::

        r_t = σ(W_r x_t + R_r h_{t-1} + b_r)                            reset gate
        z_t = σ(W_z x_t + R_z h_{t-1} + b_z)                            update gate
        n_t = tanh(W_n x_t + b_in + r_t * (R_n h_{t-1} + b_hn))         candidate
        h_t = (1 - z_t) * n_t + z_t * h_{t-1}                           hidden state

    The form with r_t before the product, R_n (r_t * h_{t-1}), needs a second product that waits for
    the first, twice the latency of a step; it is not here.

    Args:
        zoneout: Probability in training that a unit keeps its old value (Krueger et al. 2017,
            arXiv:1606.01305); default 0.
        recurrent_dropout: Probability in training that a candidate is dropped (Semeniuta, Severyn
            and Barth 2016, arXiv:1603.05118); default 0.
        variational: Drop the same units at every step of a sequence, rather than others at every
            step; default False.
        hidden_dropout: Probability in training that a unit of h_{t-1} is dropped before the product
            with R, the same units at every step of a sequence (Gal and Ghahramani 2016,
            arXiv:1512.05287, one mask for all gates); default 0.
        layer_norm: Normalise W x and R h over all units, each with a scale and a shift (Ba, Kiros
            and Hinton 2016, arXiv:1607.06450, equations 20 and 21); default False.

    >>> GRU().quantities, GRU().belt
    (('reset', 'update', 'candidate'), ('h',))
    """

    gates = {"r": "reset", "z": "update", "n": "candidate"}  # noqa: RUF012

    def __init__(
        self,
        *,
        zoneout: float = 0.0,
        recurrent_dropout: float = 0.0,
        variational: bool = False,
        hidden_dropout: float = 0.0,
        layer_norm: bool = False,
    ) -> None:
        require_probability("zoneout", zoneout)
        require_probability("recurrent_dropout", recurrent_dropout)
        require_probability("hidden_dropout", hidden_dropout)
        if variational and not recurrent_dropout:
            raise CellError("variational: expected it with recurrent_dropout above 0, got 0")
        self.zoneout, self.recurrent_dropout = zoneout, recurrent_dropout
        self.variational, self.layer_norm = variational, layer_norm
        self.hidden_dropout = hidden_dropout
        self.masks = {}
        if zoneout:
            self.masks["z_h"] = Mask(zoneout, evaluation=zoneout)
        if recurrent_dropout:
            kept = 1 - recurrent_dropout
            each = "sequence" if variational else "step"
            self.masks["d_n"] = Mask(kept, on=1 / kept, each=each)
        if hidden_dropout:
            self.masks["d_h"] = of_hidden(hidden_dropout)
        if layer_norm:
            self.vectors = {
                f"{letter}_{part}_{k}": f"{what} of {reads}, {name}"
                for letter, what in (("n", "scale"), ("b", "shift"))
                for part, reads in (("x", "W x"), ("h", "R h"))
                for k, name in self.gates.items()
            }
            self.starts = {letter: float(letter[0] == "n") for letter in self.vectors}

    def shift(self, letter: str) -> str | None:
        """Name the vector that is added to a gate's sum, see `Cell.shift`."""
        return f"b_x_{letter}" if self.layer_norm else None

    def step(self, a: Any, h: Any) -> Any:
        """Say one step."""
        if self.layer_norm:
            x, k = self._normal(a, "x"), self._normal(a, "h")
            a_r, a_z, n_x, n_h = x[0] + k[0], x[1] + k[1], x[2], k[2]
        else:
            a_r, a_z, n_x, n_h = a.r, a.z, a.n.x, a.n.h
        r, z = sigmoid(a_r), sigmoid(a_z)
        n = tanh(n_x + r * n_h)
        written = n * self.d_n if self.recurrent_dropout else n
        new = (1 - z) * written + z * h
        return self.z_h * h + (1 - self.z_h) * new if self.zoneout else new

    def _normal(self, a: Any, part: str) -> list[Any]:
        """Give the normalised parts of r, z and n, scaled and shifted."""
        values = normalise(*(getattr(getattr(a, k), part) for k in "rzn"))
        return [
            getattr(self, f"n_{part}_{k}") * value + getattr(self, f"b_{part}_{k}")
            for k, value in zip("rzn", values, strict=True)
        ]

    def __repr__(self) -> str:
        options = {
            "zoneout": self.zoneout,
            "recurrent_dropout": self.recurrent_dropout,
            "variational": self.variational,
            "hidden_dropout": self.hidden_dropout,
            "layer_norm": self.layer_norm,
        }
        return f"GRU({', '.join(f'{name}={value!r}' for name, value in options.items() if value)})"
