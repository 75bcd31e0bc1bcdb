"""The numbers of a case: the same in every process that makes them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from glasscell.arrays import Array
from glasscell.bench.cases import Case

__all__ = ["Data", "make"]


class Data(NamedTuple):
    """What a case computes with: weights in torch's shapes and order, all float32.

    weight_ih (G, I), weight_hh (G, H), bias_ih and bias_hh (G,), x (T, B, I), and dy (T, B, H), the
    gradient that training receives from above; zero after the end of a ragged sequence.
    """

    weight_ih: Array
    weight_hh: Array
    bias_ih: Array
    bias_hh: Array
    x: Array
    dy: Array

    @property
    def weights(self) -> dict[str, Array]:
        """The four arrays by torch's names, without the layer's suffix."""
        return {name: getattr(self, name) for name in self._fields[:4]}


def make(case: Case) -> Data:
    """Draw the numbers of a case, as torch draws initial weights; always the same.

    >>> from glasscell.bench.cases import CASES
    >>> data = make(CASES[0])
    >>> data.weight_ih.shape, bool((make(CASES[0]).x == data.x).all())
    ((128, 32), True)
    """
    rng = np.random.default_rng(0)
    G, bound = case.gates * case.H, case.H**-0.5
    shapes = ((G, case.I), (G, case.H), (G,), (G,))
    w, r, b_ih, b_hh = (rng.uniform(-bound, bound, shape).astype(np.float32) for shape in shapes)
    x = rng.standard_normal((case.T, case.B, case.I), np.float32)
    dy = rng.standard_normal((case.T, case.B, case.H), np.float32)
    if case.lengths is not None:
        dy[np.arange(case.T)[:, None] >= case.lengths] = 0
    return Data(w, r, b_ih, b_hh, x, dy)
