"""The one matrix product of every gate, W [h_{t-1}, x_t] + b, and its gradients.

Equations are numbered (A1) to (A5); [h, x] is the concatenation, hidden part first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from glasscell import cells
from glasscell.arrays import Array

__all__ = ["affine", "affine_backward", "torch_gradients"]


def affine(W: Array, b: Array | None, h: Array, x: Array) -> Array:
    """Compute what a gate is before its activation.

    ::

        (A1)  a_t = W [h_{t-1}, x_t] + b

    Args:
        W: (H, P+I).
        b: (H,), or None for zero.
        h: (B, P), the hidden state of the step before.
        x: (B, I).

    Returns:
        (B, H).

    >>> affine(np.array([[2.0, 3.0]]), np.array([1.0]), np.array([[10.0]]), np.array([[100.0]]))
    array([[321.]])
    """
    product: Array = np.concatenate([h, x], axis=1) @ W.T
    return product if b is None else product + b


def affine_backward(da: Array, W: Array, h: Array, x: Array) -> tuple[Array, Array, Array, Array]:
    """Compute the gradients of one gate's product from the gradient of its result.

    ::

        (A2)  dW      = Σ_batch da_t [h_{t-1}, x_t]^T
        (A3)  db      = Σ_batch da_t
        (A4)  dh_{t-1} = W[:, :P]^T da_t
        (A5)  dx_t    = W[:, P:]^T da_t

    Args:
        da: (B, H), gradient of a_t.
        W: (H, P+I).
        h: (B, P), the hidden state of the step before.
        x: (B, I).

    Returns:
        dW (H, P+I), db (H,), dh_{t-1} (B, P), dx_t (B, I).
    """
    P = h.shape[1]
    dW = da.T @ np.concatenate([h, x], axis=1)
    db = da.sum(axis=0)
    dh = da @ W[:, :P]
    dx = da @ W[:, P:]
    return dW, db, dh, dx


def torch_gradients(
    dW: Mapping[str, Array], db: Mapping[str, Array], P: int, order: Sequence[str]
) -> tuple[Array, Array, Array]:
    """Stack the gradients of each gate's W and b the way torch stores the weights.

    Returns:
        dweight_ih, dweight_hh, and dbias, which is the gradient of either bias.
    """
    stacked = cells.join(dW, order)
    return stacked[:, P:], stacked[:, :P], cells.join(db, order)
