"""Which step wrote what is in a memory cell now: an identity per unit, not an estimate.

It holds for every cell that adds to what it keeps: ``c_t = f_t c_{t-1} + i_t g_t`` of an LSTM,
``h_t = z_t h_{t-1} + (1 - z_t) n_t`` of a GRU.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from glasscell.arrays import Array, position
from glasscell.errors import ShapeError
from glasscell.traces import pictures
from glasscell.traces.slopes import added_to, belt, stored_by, written
from glasscell.traces.steps import Order, Single, initial_state

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from glasscell.traces.layer import LayerTrace

__all__ = ["Provenance", "layer_provenance", "provenance", "provenance_triangle"]


@dataclass(frozen=True, eq=False)
class Provenance:
    """What each step, and the initial state, has left in the cell.

    Attributes:
        initial: (..., H) float64, what is left of the initial state.
        written: (S, ..., H) float64, what is left of what each step wrote: i_s * g_s.
        log_kept: (S, ..., H) float64, natural logarithm of the share of step s's writing that is
            still there; -inf where the direct path (the forget gate) has been exactly 0 since.
    """

    initial: Array
    written: Array
    log_kept: Array

    @property
    def total(self) -> Array:
        """(..., H): everything added up, which is the cell state itself."""
        return np.asarray(self.initial + self.written.sum(axis=0))

    def plot(self, unit: int | tuple[int, ...], ax: Any = None, **options: Any) -> Axes:
        """Draw what every step left in one unit's cell; needs matplotlib.

        Args:
            unit: Which; (sequence, unit) of a batch.
            ax: Where; default a new pyplot figure.
            **options: As `glasscell.report.plots.provenance` takes them.

        Returns:
            The Axes.
        """
        return pictures.plot("provenance", self, unit, ax=ax, **options)


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
        step: The step whose cell state is split; default -1, the last.

    Returns:
        `Provenance` with S = step + 1 steps; its total equals the cell state to rounding.

    Raises:
        ShapeError: The three gates differ in shape, or the initial cell does not fit them.
        IndexError: There is no such step.

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
    steps = position(step, len(forget), "step") + 1
    f, i, g = (np.asarray(gate[:steps], dtype=np.float64) for gate in gates.values())
    start = np.zeros(f.shape[1:]) if initial_cell is None else np.asarray(initial_cell)
    if start.shape != f.shape[1:]:
        raise ShapeError(
            f"expected initial_cell (..., H), the shape of the gates without time, {f.shape[1:]}, "
            f"got {start.shape}"
        )
    return _split(f, i * g, start)


def _split(path: Array, wrote: Array, start: Array) -> Provenance:
    """Split the state after the last of S steps: `path` and `wrote` (S, ..., H)."""
    with np.errstate(divide="ignore"):
        log_path = np.log(np.abs(path))
    log_from = np.flip(np.cumsum(np.flip(log_path, 0), axis=0), 0)
    log_kept = np.concatenate([log_from[1:], np.zeros_like(log_from[:1])])
    kept, left = np.exp(log_kept), np.exp(log_from[0])
    if (path < 0).any():
        sign = np.flip(np.cumprod(np.flip(np.where(path < 0, -1.0, 1.0), 0), axis=0), 0)
        kept = kept * np.concatenate([sign[1:], np.ones_like(sign[:1])])
        left = left * sign[0]
    return Provenance(left * start, kept * wrote, log_kept)


def layer_provenance(layer: LayerTrace, step: int | None = None) -> Provenance:
    """Split the state that a traced layer stored after one step into what each step wrote.

    As `provenance`, with direction, initial state and where it began anew taken from the trace: the
    cell state of an LSTM, the hidden state of a GRU.

    Args:
        layer: One sequence, layout "TH", of a cell that adds to what it keeps.
        step: In the sequence's own time; default the last that the layer read.

    Returns:
        `Provenance` with all T steps of the sequence in its own time: those that the layer had not
        read by then, and those before a `reset`, have 0 in `written` and -inf in `log_kept`. If a
        `reset` came first, `initial` is what is left of the state that it set.

    Raises:
        ShapeError: `layer` is a batch.
        ValueError: The layer has no belt, as an RNN, or one that does not only add.
        IndexError: There is no such step.

    Notes:
        T H exponentials. The total equals a float64 trace's cell to rounding; the cell of a float32
        trace was rounded at every step, 6e-8 of it each time, and forgets that as it forgets all.

    >>> from glasscell.traces.layer import LayerTrace
    >>> half, one, cell = np.full((3, 1), 0.5), np.ones((3, 1)), np.array([[1.75], [1.5], [1.0]])
    >>> layer = LayerTrace(half, one, one, half, cell, hidden=half, layout="TH", reverse=True)
    >>> layer_provenance(layer).written[:, 0]
    array([1.  , 0.5 , 0.25])
    """
    single = Single(layer)
    end = single.place(step, -1) + 1
    began = np.flatnonzero(single.cut[single.order[:end]])
    steps = single.order[began[-1] if len(began) else 0 : end]
    path, wrote = _steps(layer)
    initial = initial_state(layer, stored_by(layer).name)[0]
    part = _split(path[steps], wrote[steps], initial)
    written_then = np.zeros((len(single), *part.written.shape[1:]))
    log_kept = np.full_like(written_then, -np.inf)
    written_then[steps], log_kept[steps] = part.written, part.log_kept
    return Provenance(part.initial, written_then, log_kept)


def _steps(layer: LayerTrace) -> tuple[Array, Array]:
    """(T, H) each, in the sequence's own time: the direct path, and what each step wrote."""
    stored, order = added_to(layer), Order(layer)
    path = belt(layer, order)[:: order.step, 0]
    before = Single(layer).before(stored.name).astype(np.float64)
    return path, written(layer, np.asarray, path, before)


def provenance_triangle(layer: LayerTrace, unit: int) -> Array:
    """Give what every step left in one unit's cell, after every step.

    Args:
        layer: One sequence, layout "TH", of a cell that adds to what it keeps.
        unit: 0 … H - 1.

    Returns:
        (T, T) float64 in the sequence's own time, ``[t, s] = (prod f between) i_s g_s``: zero for
        steps s that were not read before t. A row's sum is the cell state after step t, less what
        is left of the initial one.

    Raises:
        ShapeError: `layer` is a batch.
        ValueError: The layer has no belt, as an RNN, or one that does not only add.
        IndexError: There is no such unit.

    Notes:
        T^2 / 2 products; a share below 1e-308 is 0 here, and visible in
        `layer_provenance(...).log_kept`.

    >>> from glasscell.traces.layer import LayerTrace
    >>> half, one, cell = np.full((3, 1), 0.5), np.ones((3, 1)), np.array([[1.0], [1.5], [1.75]])
    >>> layer = LayerTrace(half, one, one, half, cell, hidden=half, layout="TH")
    >>> provenance_triangle(layer, 0)
    array([[1.  , 0.  , 0.  ],
           [0.5 , 1.  , 0.  ],
           [0.25, 0.5 , 1.  ]])
    """
    single = Single(layer)
    unit = position(unit, layer.units, "unit", "units")
    path, wrote = (part[:, unit].copy() for part in _steps(layer))
    path[single.cut] = 0.0
    left, triangle = np.zeros(len(single)), np.empty((len(single), len(single)))
    for t in single.order:
        left *= path[t]
        left[t] = wrote[t]
        triangle[t] = left
    return triangle
