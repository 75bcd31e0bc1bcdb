"""Which inputs a whole model's outputs depend on: |dy_t' / dx_t| for all pairs of steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from glasscell.arrays import position
from glasscell.inspect.dynamics.influence import probe_columns
from glasscell.inspect.gradients.belt import norm
from glasscell.inspect.subjects import Looked, subject_of
from glasscell.inspect.subjects.subject import Copies

__all__ = ["model_influence"]

Float64: TypeAlias = npt.NDArray[np.float64]

COPIES = 256
"""Sequences in one batch; more only take more memory."""


def model_influence(
    model: Looked,
    x: Any,
    outputs: Sequence[int] | None = None,
    probes: int = 4,
    read: Callable[[Any], Any] | None = None,
    batch_first: bool | None = None,
) -> Float64:
    """Give ``log10 |dy_t' / dx_t|`` (Frobenius norm) through a whole model for all pairs of steps.

    Args:
        model: any torch module with recurrent layers, ours or torch's own; several layers, both
            directions, whatever lies between and behind. Or, without torch, what `glasscell.load`
            gave, or a folder of `glasscell.save`.
        x: one sequence without a batch axis, (T, I); or (T,) integers for a model that begins with
            an Embedding, and then dx_t is a change of what it gives. A tensor for a torch module.
        outputs: the steps t' of the output; default all.
        probes: k, directions in the output that are followed; with k >= O the norm is exact, else
            an estimate from k random orthonormal ones. Default 4.
        read: callable on the model's output that picks the tensor to look at, laid out as the
            input; default the output itself, or its first part if it is a tuple. Without a time
            axis, (B, O), it counts as one step. For torch modules.
        batch_first: for torch modules, whether it reads (B, T, I) rather than (T, B, I); default
            what its recurrent layers do.

    Returns:
        (outputs, T) float64; -inf where there is no dependence, or one below the model's own
        precision (1e-45 in float32; give a `model.double()` for more).

    Raises:
        TypeError: `model` is none of these, x no tensor, or a saved model was given `read`.
        ShapeError: x has a batch axis, or the output's shape is none of these.
        ValueError: the model has no recurrent layer; x are integers and no Embedding ran; `probes`
            is below 1.
        IndexError: there is no such step.
        RuntimeError: a layer is not on the CPU.

    Notes:
        k copies of the sequence for each output step, 256 in a batch, one forward and one backward
        pass each: the whole model must treat the sequences of a batch independently, as it does in
        eval mode, which is set and put back. Buffers, `.grad`, torch's random state stay as they
        were. Source of the picture: A. Madsen, Visualizing memorization in RNNs, Distill 2019.

    >>> import torch
    >>> model = torch.nn.RNN(1, 1, bias=False)
    >>> weights = model.weight_ih_l0.data.fill_(1), model.weight_hh_l0.data.fill_(0.1)
    >>> model_influence(model, torch.zeros(3, 1)).round(3)
    array([[  0., -inf, -inf],
           [ -1.,   0., -inf],
           [ -2.,  -1.,   0.]])
    """
    with subject_of(model).copying(x, read, batch_first) as copies:
        T, width = copies.shape
        wanted = range(T) if outputs is None else [position(t, T, "outputs") for t in outputs]
        directions = probe_columns(width, probes).T
        each = max(COPIES // len(directions), 1)
        pieces = [wanted[first : first + each] for first in range(0, len(wanted), each)]
        norms = [_norms(copies, piece, directions) for piece in pieces]
    with np.errstate(divide="ignore"):
        return np.asarray(np.log10(np.concatenate([np.zeros((0, len(x))), *norms])))


def _norms(copies: Copies, steps: Sequence[int], directions: Float64) -> Float64:
    """(n, T): |dy_t' / dx_t| of some output steps, from one backward pass of n * k copies."""
    count = len(steps), len(directions)
    cotangents = np.zeros((*count, *copies.shape))
    for place, step in enumerate(steps):
        cotangents[place, :, step] = directions
    gradient = copies.pull(cotangents.reshape(-1, *copies.shape))
    return norm(gradient.reshape(*count, *gradient.shape[1:]), axis=(1, 3))
