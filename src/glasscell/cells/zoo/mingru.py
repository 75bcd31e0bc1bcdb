"""minGRU: a GRU whose gate does not look at the hidden state.

Source: L. Feng et al., Were RNNs all we needed?, arXiv:2410.01201, section 3.1.
"""

from __future__ import annotations

from typing import Any

from glasscell.cells.definition import Cell
from glasscell.cells.symbols import sigmoid

__all__ = ["MinGRU"]


class MinGRU(Cell):
    """The minGRU; the update gate says how much is new, unlike torch's GRU, where it keeps the old.

    ::

        z_t = σ(W_z x_t + b_z)                          update gate
        n_t = W_n x_t + b_n                             candidate
        h_t = (1 - z_t) * h_{t-1} + z_t * n_t           hidden state

    >>> MinGRU().gate_names
    ('update', 'candidate')
    """

    gates = {"z": "update", "n": "candidate"}  # noqa: RUF012
    recurrent = None

    def step(self, a: Any, h: Any) -> Any:
        """Say one step."""
        z, n = sigmoid(a.z), a.n
        return (1 - z) * h + z * n
