"""Li-GRU: the light GRU of speech recognition, without a reset gate and with relu.

Source: M. Ravanelli et al., Light gated recurrent units for speech recognition, IEEE TETCI 2(2),
2018, arXiv:1803.10225.
"""

from __future__ import annotations

from typing import Any

from glasscell.cells.definition import Cell
from glasscell.cells.symbols import relu, sigmoid

__all__ = ["LiGRU"]


class LiGRU(Cell):
    """The light GRU.

    ::

        z_t = σ(W_z x_t + R_z h_{t-1} + b_z)            update gate
        n_t = relu(W_n x_t + R_n h_{t-1} + b_n)         candidate
        h_t = z_t * h_{t-1} + (1 - z_t) * n_t           hidden state

    The paper normalises W x over the batch: statistics of other sequences, which no cell sees.
    Where it is wanted, a linear layer and a BatchNorm1d come before this one.

    >>> LiGRU().quantities
    ('update', 'candidate')
    """

    gates = {"z": "update", "n": "candidate"}  # noqa: RUF012

    def step(self, a: Any, h: Any) -> Any:
        """Say one step."""
        z, n = sigmoid(a.z), relu(a.n)
        return z * h + (1 - z) * n
