"""The LSTM, its options, and the memory cell whose belt they leave alone.

Sources: S. Hochreiter and J. Schmidhuber, Long short-term memory, Neural Computation 9(8), 1997;
F. Gers, J. Schmidhuber and F. Cummins, Learning to forget, Neural Computation 12(10), 2000 (forget
gate); F. Gers and J. Schmidhuber, Recurrent nets that time and count, IJCNN 2000 (peepholes);
K. Greff et al., LSTM: a search space odyssey, IEEE TNNLS 28(10), 2017 (the variants, section III).
"""

from __future__ import annotations

from typing import Any

from glasscell.cells.definition import Cell, Mask, of_hidden, require_probability
from glasscell.cells.symbols import maximum, minimum, normalise, sigmoid, tanh
from glasscell.errors import CellError

__all__ = ["LSTM"]

GATES = {"i": "input", "f": "forget", "g": "candidate", "o": "output"}
PARTS = ("input", "forget", "output", "candidate", "activation")


class LSTM(Cell):
    """The LSTM: a memory cell, three gates that read the last hidden state, and their variants.

    ::

        i_t = σ(W_i x_t + R_i h_{t-1} + b_i)            input gate
        f_t = σ(W_f x_t + R_f h_{t-1} + b_f)            forget gate
        g_t = tanh(W_g x_t + R_g h_{t-1} + b_g)         candidate
        o_t = σ(W_o x_t + R_o h_{t-1} + b_o)            output gate
        c_t = f_t * c_{t-1} + i_t * g_t                 cell state
        h_t = o_t * tanh(c_t)                           hidden state

    Args:
        peephole: Gates also read the cell: p_i * c_{t-1}, p_f * c_{t-1}, p_o * c_t; default False.
        coupled: No input gate of its own, i = 1 - f (CIFG); default False.
        without: Parts that are left out, of "input", "forget", "output" (the gate is 1),
            "candidate" (g is its sum) and "activation" (h = o * c); one or a tuple, default none.
        clip: Keep c within ±clip; default None, do not.
        zoneout: Probability in training that a unit keeps its old value, for h and for c, or one
            for both (Krueger et al. 2017, arXiv:1606.01305); default 0.
        recurrent_dropout: Probability in training that a candidate is dropped (Semeniuta, Severyn
            and Barth 2016, arXiv:1603.05118); default 0.
        variational: Drop the same units at every step of a sequence, as Gal and Ghahramani (2016,
            arXiv:1512.05287) have it, rather than others at every step; default False. The
            candidate is dropped here too: theirs is hidden_dropout.
        hidden_dropout: Probability in training that a unit of h_{t-1} is dropped before the product
            with R, the same units at every step of a sequence (Gal and Ghahramani 2016,
            arXiv:1512.05287, one mask for all gates); default 0.
        layer_norm: Normalise W x, R h and c over all units (Ba, Kiros and Hinton 2016,
            arXiv:1607.06450, equations 20 to 22); default False.

    >>> LSTM().quantities
    ('input', 'forget', 'candidate', 'output', 'cell')
    >>> LSTM(coupled=True).gate_names
    ('forget', 'candidate', 'output')
    """

    states = {"h": "hidden", "c": "cell"}  # noqa: RUF012

    def __init__(
        self,
        *,
        peephole: bool = False,
        coupled: bool = False,
        without: str | tuple[str, ...] = (),
        clip: float | None = None,
        zoneout: float | tuple[float, float] = 0.0,
        recurrent_dropout: float = 0.0,
        variational: bool = False,
        hidden_dropout: float = 0.0,
        layer_norm: bool = False,
    ) -> None:
        self.peephole, self.coupled, self.layer_norm = peephole, coupled, layer_norm
        self.without = (without,) if isinstance(without, str) else tuple(without)
        self.clip, self.variational = clip, variational
        both = isinstance(zoneout, int | float)
        self.zoneout: Any = (zoneout, zoneout) if both else tuple(zoneout)  # type: ignore[arg-type]
        self.recurrent_dropout, self.hidden_dropout = recurrent_dropout, hidden_dropout
        self._check()
        missing = {"input"} if coupled else set()
        missing |= {"input", "forget", "output"} & set(self.without)
        self.gates = {k: name for k, name in GATES.items() if name not in missing}
        self.vectors = self._vectors()
        self.starts = {k: float(k[0] == "n") for k in self.vectors if k[0] in "nb"}
        self.masks = self._masks()

    def _check(self) -> None:
        for part in self.without:
            if part not in PARTS:
                raise CellError(f"without: expected parts out of {PARTS}, got {part!r}")
        if self.coupled and {"input", "forget"} & set(self.without):
            raise CellError(
                "coupled: expected an input and a forget gate to couple, got "
                f"without={self.without}; leave one of the two options out"
            )
        if self.peephole and {"input", "forget", "output"} <= set(self.without):
            raise CellError("peephole: expected a gate to look at the cell, got without all three")
        if self.clip is not None and not self.clip > 0:
            raise CellError(f"clip: expected a positive number or None, got {self.clip!r}")
        if len(self.zoneout) != 2:
            raise CellError(
                f"zoneout: expected two probabilities, of h and of c, got {self.zoneout}"
            )
        for p in self.zoneout:
            require_probability("zoneout", p)
        require_probability("recurrent_dropout", self.recurrent_dropout)
        require_probability("hidden_dropout", self.hidden_dropout)
        if self.variational and not self.recurrent_dropout:
            raise CellError("variational: expected it with recurrent_dropout above 0, got 0")

    def _vectors(self) -> dict[str, str]:
        vectors = {}
        if self.peephole:
            vectors = {f"p_{k}": f"peephole of {self.gates[k]}" for k in "ifo" if k in self.gates}
        if self.layer_norm:
            for part, reads in (("x", "W x"), ("h", "R h")):
                vectors |= {
                    f"n_{part}_{k}": f"scale of {reads}, {self.gates[k]}" for k in self.gates
                }
            vectors |= {f"b_{k}": f"bias of {self.gates[k]}" for k in self.gates}
            vectors |= {"n_c": "scale of the cell", "b_c": "bias of the cell"}
        return vectors

    def _masks(self) -> dict[str, Mask]:
        masks = {
            f"z_{k}": Mask(p, evaluation=p) for k, p in zip("hc", self.zoneout, strict=True) if p
        }
        if self.recurrent_dropout:
            kept = 1 - self.recurrent_dropout
            each = "sequence" if self.variational else "step"
            masks["d_g"] = Mask(kept, on=1 / kept, each=each)
        if self.hidden_dropout:
            masks["d_h"] = of_hidden(self.hidden_dropout)
        return masks

    def shift(self, letter: str) -> str | None:
        """Name the vector that is added to a gate's sum, see `Cell.shift`."""
        return f"b_{letter}" if self.layer_norm else None

    def step(self, a: Any, h: Any, c: Any) -> Any:
        """Say one step."""
        a_i, a_f, a_g, a_o = self._sums(a)
        f = 1.0 if a_f is None else sigmoid(self._peep(a_f, "f", c))
        i = 1.0 if a_i is None else sigmoid(self._peep(a_i, "i", c))
        if self.coupled:
            i = 1 - f
        g = a_g if "candidate" in self.without else tanh(a_g)
        written = g * self.d_g if self.recurrent_dropout else g
        c_new = _times(f, c) + _times(i, written)
        if self.clip is not None:
            c_new = minimum(maximum(c_new, -self.clip), self.clip)
        if "z_c" in self.masks:
            c_new = self.z_c * c + (1 - self.z_c) * c_new
        o = 1.0 if a_o is None else sigmoid(self._peep(a_o, "o", c_new))
        shown = self.n_c * normalise(c_new) + self.b_c if self.layer_norm else c_new
        h_new = _times(o, shown if "activation" in self.without else tanh(shown))
        if "z_h" in self.masks:
            h_new = self.z_h * h + (1 - self.z_h) * h_new
        return h_new, c_new

    def _peep(self, a: Any, letter: str, c: Any) -> Any:
        return a + getattr(self, f"p_{letter}") * c if self.peephole else a

    def _sums(self, a: Any) -> list[Any]:
        if not self.layer_norm:
            return [getattr(a, k) if k in self.gates else None for k in "ifgo"]
        letters = list(self.gates)
        x = normalise(*(getattr(a, k).x for k in letters))
        h = normalise(*(getattr(a, k).h for k in letters))
        made = {
            k: getattr(self, f"n_x_{k}") * x_k + getattr(self, f"n_h_{k}") * h_k
            + getattr(self, f"b_{k}")
            for k, x_k, h_k in zip(letters, x, h, strict=True)
        }  # fmt: skip
        return [made.get(k) for k in "ifgo"]

    def __repr__(self) -> str:
        options = {
            "peephole": self.peephole,
            "coupled": self.coupled,
            "without": self.without,
            "clip": self.clip,
            "zoneout": self.zoneout if any(self.zoneout) else (),
            "recurrent_dropout": self.recurrent_dropout,
            "variational": self.variational,
            "hidden_dropout": self.hidden_dropout,
            "layer_norm": self.layer_norm,
        }
        return f"LSTM({', '.join(f'{name}={value!r}' for name, value in options.items() if value)})"


def _times(gate: Any, value: Any) -> Any:
    return value if isinstance(gate, float) else gate * value
