"""Which way dc_T / dc_t goes: along the conveyor belt, or through the gates.

c stands for the state that a layer stores in: the cell state of an LSTM, the hidden state of a GRU;
f for its direct path from step to step: the forget gate, the update gate.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from glasscell.arrays import at_least
from glasscell.inspect.dynamics.jacobian import StateJacobian
from glasscell.traces import pictures
from glasscell.traces.slopes import stored_by

if TYPE_CHECKING:
    from glasscell.cells.parameters import LayerWeights
    from glasscell.traces.layer import LayerTrace

__all__ = ["PathSplit", "path_split"]

Float64: TypeAlias = npt.NDArray[np.float64]

EXACT = 128
"""Up to this many units all rows of dc_T / dc_t are carried back; beyond, `PROBES` random ones."""

PROBES = 32


@dataclass(frozen=True, eq=False)
class PathSplit:
    """How dc_T / dc_{T-lag} divides, by Frobenius norms; log10, so that long lags stay visible.

    Attributes:
        lags: (n,) int64, 0 … all steps before T, in the order in which the layer worked.
        log10_belt: (n,) float64, of ``diag(prod f)``; -inf where a gate of each unit was 0 since.
        log10_gates: (n,) of all the rest: every path that leaves the belt at least once.
        log10_total: (n,) of dc_T / dc_{T-lag} itself.
        share: (n,) belt / (belt + gates), 0 … 1; NaN where nothing is left. Belt and gates can
            cancel, so that each is more than the total; then neither alone says what arrives.
    """

    lags: npt.NDArray[np.int64]
    log10_belt: Float64
    log10_gates: Float64
    log10_total: Float64
    share: Float64

    def plot(self, ax: Any = None, **options: Any) -> npt.NDArray[np.object_]:
        """Draw the two ways over the lag: share of the belt, and norms; needs matplotlib.

        Args:
            ax: One Axes per part; default a new pyplot figure.
            **options: As `glasscell.report.plots.path_split` takes them.

        Returns:
            (parts,) array of Axes.
        """
        return pictures.panels("path_split", self, ax=ax, **options)


def path_split(
    layer: LayerTrace,
    weights: LayerWeights,
    step: int | None = None,
    columns: int | None = None,
) -> PathSplit:
    """Split the derivative of the stored state by earlier ones into conveyor belt and gates.

    ``dc_T / dc_t = diag(prod_{k=t+1..T} f_k) + gates``: the total derivative, in which c_t also
    acts through h_t. The belt is the part that Hochreiter's constant error carousel carries; the
    rest goes through recurrent weights, and dies or grows with them.

    Args:
        layer: One sequence, layout "TH", of a cell with a belt (`glasscell.cells.direct`).
        weights: The layer's.
        step: T, in the sequence's own time; default the last that the layer read.
        columns: k random probes instead of all H rows; default all up to H = 128, beyond that 32.

    Returns:
        `PathSplit`, for every lag there is.

    Raises:
        ShapeError: `layer` is a batch, or the weights are not of its size.
        ValueError: The layer has no belt, as an RNN, or `columns` is below 1.
        IndexError: There is no such step.

    Notes:
        One sweep backwards of 8 H P k flops a step. With probes the belt stays exact, and the two
        other norms have a relative standard error of 1 / sqrt(2 k) at most, 13 % at k = 32
        (Hutchinson's estimator of the squared norm). Source: S. Hochreiter and J. Schmidhuber,
        Long short-term memory, Neural Computation 9, 1997, section 3.2 and appendix A.

    >>> from glasscell.traces.layer import LayerTrace
    >>> from glasscell.weights import LayerWeights
    >>> gates = {name: np.full((3, 1), 0.5) for name in ("forget", "input", "output")}
    >>> layer = LayerTrace(**gates, candidate=np.zeros((3, 1)), cell=np.zeros((3, 1)),
    ...                    hidden=np.zeros((3, 1)), layout="TH")
    >>> weights = LayerWeights(weight_ih=np.zeros((4, 1)), weight_hh=np.array([[0], [0], [2], [0]]))
    >>> split = path_split(layer, weights)
    >>> (10**split.log10_belt).round(4), (10**split.log10_total).round(4), split.share.round(2)
    (array([1.  , 0.5 , 0.25]), array([1., 1., 1.]), array([1.  , 0.5 , 0.25]))
    """
    path = stored_by(layer)
    of = StateJacobian(layer, weights)
    kept = np.where(of.single.cut[:, None], 0.0, of.direct(path.index))
    with np.errstate(divide="ignore"):
        log_f = np.log(np.abs(kept))
    place, H = of.single.place(step, -1), kept.shape[1]
    if columns is not None:
        columns = at_least(columns, 1, "columns")
    probes = _probes(H, columns)
    off = np.zeros((of.size, probes.shape[1]))
    sign, log_kept, log_scale = np.ones(H), np.zeros(H), 0.0
    logs = []
    for t in of.order[place::-1]:
        belt = (sign * np.exp(log_kept - log_scale))[:, None] * probes
        # Kept apart from the belt, so that little of the one does not drown in much of the other.
        gates, off = of.off_belt(t, off, belt, path.index)
        norms = _log_norm(gates) + log_scale, _log_norm(belt + gates) + log_scale
        logs.append((_log_norm_of(log_kept), *norms))
        sign, log_kept = sign * np.sign(kept[t]), log_kept + log_f[t]
        scale = _scale(off, np.exp(log_kept - log_scale))
        off, log_scale = off / scale, log_scale + log(scale)
    log10_belt, log10_gates, log10_total = np.array(logs).T / np.log(10.0)
    share = _share(log10_belt, log10_gates)
    return PathSplit(np.arange(place + 1), log10_belt, log10_gates, log10_total, share)


def _probes(H: int, columns: int | None) -> Float64:
    count = (H if H <= EXACT else PROBES) if columns is None else min(columns, H)
    if count == H:
        return np.eye(H)
    signs = np.random.default_rng(0).integers(0, 2, (H, count)) * 2.0 - 1.0
    return np.asarray(signs / np.sqrt(count))


def _scale(*parts: Float64) -> float:
    """What to divide by so that nothing leaves float64 on the way; mostly 1."""
    largest = max(float(np.abs(part).max()) for part in parts)
    return 1.0 if largest == 0 or 1e-100 < largest < 1e100 else largest


def _log_norm_of(logs: Float64) -> float:
    """As `_log_norm`, of a vector given by its logarithms."""
    with np.errstate(invalid="ignore"):
        return float(np.logaddexp.reduce(2 * logs) / 2)


def _log_norm(matrix: Float64) -> float:
    size = float(np.linalg.norm(matrix))
    return -inf if size == 0 else log(size)


def _share(log10_belt: Float64, log10_gates: Float64) -> Float64:
    with np.errstate(invalid="ignore", over="ignore"):
        share = 1.0 / (1.0 + 10.0 ** (log10_gates - log10_belt))
    return np.where(np.isneginf(log10_belt) & np.isneginf(log10_gates), np.nan, share)
