"""Which step wrote what is in a memory cell now: an identity per unit, not an estimate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glasscell.errors import ShapeError
from glasscell.inspect.layout import Array

__all__ = ["Provenance", "provenance"]


@dataclass(frozen=True, eq=False)
class Provenance:
    """What each step, and the initial state, has left in the cell.

    Attributes:
        initial: (..., H) float64, what is left of the initial cell state.
        written: (S, ..., H) float64, what is left of each step's i_s * g_s.
        log_kept: (S, ..., H) float64, natural logarithm of the share of step s's writing that is
            still there; -inf where a forget gate has been exactly 0 since.
    """

    initial: Array
    written: Array
    log_kept: Array

    @property
    def total(self) -> Array:
        """(..., H): everything added up, which is the cell state itself."""
        return np.asarray(self.initial + self.written.sum(axis=0))


def provenance(
    forget: Array,
    input: Array,
    candidate: Array,
    initial_cell: Array | None = None,
    step: int = -1,
) -> Provenance:
    """Split the cell state at one step into what each earlier step wrote.

    ``c_T = (prod_{k=1..T} f_k) c_0 + sum_{s=1..T} (prod_{k=s+1..T} f_k) i_s g_s``

    Args:
        forget: f, time first: (T, H), (T, B, H) …; for a reverse layer flip time first, because
            the identity runs in the order in which the layer worked.
        input: i, same shape.
        candidate: g, same shape.
        initial_cell: c_0, the shape without time; default zeros.
        step: the step whose cell state is split; default -1, the last.

    Returns:
        `Provenance` with S = step + 1 steps; its total equals the cell state to rounding.

    Raises:
        ShapeError: the three gates differ in shape.
        IndexError: there is no such step.

    Notes:
        In float64 whatever comes in. Products are kept as sums of log f taken from the end, so
        that a long lag does not underflow in `log_kept`, and a gate at exactly 0 gives -inf and
        a share of 0 rather than a difference of two infinities.

    >>> gates = {"forget": np.full((3, 1), 0.5), "input": np.ones((3, 1))}
    >>> split = provenance(**gates, candidate=np.ones((3, 1)), initial_cell=np.array([8.0]))
    >>> split.written[:, 0], split.initial, split.total
    (array([0.25, 0.5 , 1.  ]), array([1.]), array([2.75]))
    """
    gates = {"forget": forget, "input": input, "candidate": candidate}
    if len({np.shape(gate) for gate in gates.values()}) != 1:
        shapes = ", ".join(f"{name} {np.shape(gate)}" for name, gate in gates.items())
        raise ShapeError(
            f"expected forget, input and candidate of one shape (T, ..., H), got {shapes}"
        )
    steps = range(len(forget))[step] + 1
    f, i, g = (np.asarray(gate[:steps], dtype=np.float64) for gate in gates.values())
    with np.errstate(divide="ignore"):
        log_f = np.log(f)
    log_from = np.flip(np.cumsum(np.flip(log_f, 0), axis=0), 0)
    log_kept = np.concatenate([log_from[1:], np.zeros_like(log_from[:1])])
    start = np.zeros(f.shape[1:]) if initial_cell is None else np.asarray(initial_cell)
    return Provenance(np.exp(log_from[0]) * start, np.exp(log_kept) * i * g, log_kept)
