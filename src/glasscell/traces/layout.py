"""The four ways in which a layer lays out its steps, and the way between them.

=======  ==========  =============================================================
layout   shape       where
=======  ==========  =============================================================
``TBH``  (T, B, H)   torch's default
``BTH``  (B, T, H)   ``batch_first=True``
``TH``   (T, H)      one sequence without a batch axis
``NH``   (N, H)      a `PackedSequence`: the steps of all sequences, step by step
=======  ==========  =============================================================

The kernels work in ``TBH`` and ``NH``; everything that measures works in ``TBH``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array

__all__ = ["alive_steps", "from_kernel", "to_time_major", "unpack"]


def from_kernel(array: Array, layout: str) -> Array:
    """View the kernel's (T, B, ·) or (N, ·) array in a layout, read-only and without a copy.

    Args:
        array: (T, B, ·), or (N, ·) for the layout "NH".
        layout: "TBH", "BTH", "TH" or "NH".

    Returns:
        A view of the same memory that cannot be written to.

    >>> from_kernel(np.zeros((5, 2, 3)), "BTH").shape
    (2, 5, 3)
    """
    view = {"BTH": lambda: array.swapaxes(0, 1), "TH": lambda: array[:, 0]}.get(
        layout, lambda: array[:]
    )()
    view.flags.writeable = False
    return view


def to_time_major(array: Array, layout: str, batch_sizes: Array | None = None) -> Array:
    """Give an array as (T, B, ·): a view, or a zero-padded copy if it was packed.

    Args:
        array: Steps in `layout`.
        layout: "TBH", "BTH", "TH" or "NH".
        batch_sizes: (T,) int64, sequences that are alive at each step; needed for "NH".

    Returns:
        (T, B, ·) of the same dtype.

    >>> to_time_major(np.zeros((5, 3)), "TH").shape
    (5, 1, 3)
    """
    if layout == "NH":
        if batch_sizes is None:
            raise ValueError("expected batch_sizes (T,) with the layout NH, got None")
        return unpack(array, batch_sizes)
    if layout == "BTH":
        return array.swapaxes(0, 1)
    return array[:, None] if layout == "TH" else array


def unpack(rows: Array, batch_sizes: Array) -> Array:
    """Spread packed steps over time and batch, with zeros where a sequence has ended.

    Args:
        rows: (N, ·), as in `PackedSequence.data`.
        batch_sizes: (T,) int64, falling: how many sequences are alive at each step.

    Returns:
        (T, B, ·) of the same dtype.

    >>> unpack(np.array([[1.0], [2.0], [3.0]]), np.array([2, 1]))[..., 0]
    array([[1., 2.],
           [3., 0.]])
    """
    sizes = np.asarray(batch_sizes, dtype=np.int64)
    padded = np.zeros((len(sizes), int(sizes[0]) if len(sizes) else 0, *rows.shape[1:]), rows.dtype)
    # Row n of the packed array is sequence n - first[n] at its step: rows come step by step.
    step = np.repeat(np.arange(len(sizes)), sizes)
    first = np.repeat(np.cumsum(sizes) - sizes, sizes)
    padded[step, np.arange(len(rows)) - first] = rows
    return padded


def alive_steps(
    steps: int,
    batch: int,
    lengths: Array | None = None,
    batch_sizes: Array | None = None,
    starts: Array | None = None,
) -> npt.NDArray[np.bool_]:
    """Tell which steps of which sequences exist.

    Args:
        steps: T.
        batch: B.
        lengths: (B,) steps of each sequence; default T.
        batch_sizes: (T,) sequences alive at each step, for packed sequences.
        starts: (B,) first step of each sequence; default 0.

    Returns:
        (T, B) bool.

    >>> alive_steps(3, 2, lengths=np.array([1, 3])).astype(int)
    array([[1, 1],
           [0, 1],
           [0, 1]])
    """
    if batch_sizes is not None:
        return np.arange(batch) < np.asarray(batch_sizes)[:, None]
    if lengths is not None:
        since = np.arange(steps)[:, None] - (0 if starts is None else np.asarray(starts))
        return (since >= 0) & (since < np.asarray(lengths))
    return np.ones((steps, batch), dtype=bool)
