"""Right and wrong, as a picture: the confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.errors import ShapeError
from glasscell.report.draw.canvas import one, plain
from glasscell.report.draw.heat import heat

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["confusion"]

WRITTEN: Final = 20
"""Classes whose counts have room in their cells."""


def confusion(
    counts: Array,
    classes: Sequence[str] | None = None,
    *,
    ax: Any = None,
    width: float | None = None,
) -> Axes:
    """Draw how often each class was said to be each.

    Args:
        counts: (K, K) whole numbers; a row is what is true, a column what was said, as in
            `metrics.json` ("confusion", "counts") and `sklearn.metrics.confusion_matrix`.
        classes: (K,) names; default 0, 1, …
        ax: Where; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        The Axes; a colour is the part of its row, a row without a sequence is grey.

    Raises:
        ShapeError: `counts` is no square matrix, or `classes` are not as many.

    >>> from matplotlib.figure import Figure
    >>> ax = confusion(np.array([[3, 1], [0, 2]]), ["no", "yes"], ax=Figure().subplots())
    >>> ax.images[0].get_array().data
    array([[0.75, 0.25],
           [0.  , 1.  ]])
    >>> [text.get_text() for text in ax.texts]
    ['3', '1', '2']
    """
    counts = np.asarray(counts)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.size:
        raise ShapeError(f"expected counts (K, K), got {counts.shape}")
    size = len(counts)
    if classes is not None and len(classes) != size:
        raise ShapeError(f"expected {size} classes, as counts has, got {len(classes)}")
    names = [plain(name, 14) for name in (range(size) if classes is None else classes)]
    axes = one(ax, width=width, ratio=0.72)
    whole = counts.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        share = np.where(whole > 0, counts / whole, np.nan)
    heat(axes, share, (0.0, 1.0), "sequential", "part of the row")
    places = (
        np.arange(size) if size <= WRITTEN else np.linspace(0, size - 1, 10).round().astype(int)
    )
    long = size * max(map(len, names)) > 40
    turn: dict[str, Any] = (
        {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if long else {}
    )
    axes.set_xticks(places, labels=[names[place] for place in places], **turn)
    axes.set_yticks(places, labels=[names[place] for place in places])
    axes.set_xlabel("said")
    axes.set_ylabel("true")
    if size <= WRITTEN:
        for row, column in np.argwhere(counts > 0).tolist():
            axes.text(
                column, row, str(counts[row, column]), ha="center", va="center", clip_on=True,
                fontsize="small", color="black" if share[row, column] > 0.5 else "white",
            )  # fmt: skip
    return axes
