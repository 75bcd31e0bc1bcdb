"""Which inputs a layer's states, or a whole model's outputs, depend on: |dh_t' / dx_t|."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from glasscell.arrays import at_least, position
from glasscell.inspect.dynamics.graded import orthonormal
from glasscell.inspect.dynamics.jacobian import StateJacobian
from glasscell.inspect.gradients.belt import norm
from glasscell.inspect.subjects import Looked, subject_of
from glasscell.inspect.subjects.subject import Copies

if TYPE_CHECKING:
    from glasscell.cells.parameters import LayerWeights
    from glasscell.traces.layer import LayerTrace

__all__ = ["influence", "model_influence", "probe_columns"]

Float64: TypeAlias = npt.NDArray[np.float64]

RESCALED = 16
"""Steps between two looks at the size of what is carried, to keep it in float64: a look costs half
a step, and in between there is room for 8 decades a step."""

COPIES = 256
"""Copies of a sequence in one batch; more only take more memory."""


def influence(
    layer: LayerTrace,
    weights: LayerWeights,
    inputs: Sequence[int] | None = None,
    outputs: Sequence[int] | None = None,
    probes: int = 8,
) -> Float64:
    """Give ``log10 |dh_t' / dx_t|`` (Frobenius norm) of one layer for all pairs of steps.

    Args:
        layer: One sequence, layout "TH".
        weights: The layer's.
        inputs: The steps t, in the sequence's own time; default all T.
        outputs: The steps t'; default all T.
        probes: k, directions in the input that are followed; with k >= I the norm is exact,
            else an estimate from k random orthonormal ones. Default 8.

    Returns:
        (outputs, inputs) float64; -inf where there is no dependence: inputs that the layer read
        later, and what a `reset` cut off.

    Raises:
        ShapeError: `layer` is a batch, or the weights are not of its size.
        IndexError: There is no such step.
        ValueError: `probes` is below 1.

    Notes:
        One forward sweep that carries the k columns of every input so far: 4 H P k T^2 flops over
        all pairs, 5 GFLOP at T = 200, H = 128, k = 2. For long sequences give some inputs, such as
        every tenth. The estimate's relative standard error is below 1 / sqrt(2 k). For a stack of
        layers, or a whole model, see `model_influence`. Sources: A. Madsen, Visualizing
        memorization in RNNs, Distill 2019 (the picture); M. Hutchinson, 1990 (the estimate).

    >>> from glasscell.traces.layer import LayerTrace
    >>> from glasscell.weights import LayerWeights
    >>> layer = LayerTrace(*[None] * 5, hidden=np.zeros((3, 1)), mode="RNN_TANH", layout="TH")
    >>> weights = LayerWeights(weight_ih=np.ones((1, 1)), weight_hh=np.array([[0.1]]))
    >>> influence(layer, weights)
    array([[  0., -inf, -inf],
           [ -1.,   0., -inf],
           [ -2.,  -1.,   0.]])
    """
    of = StateJacobian(layer, weights)
    steps = range(len(of))
    inputs_at = steps if inputs is None else [position(t, len(of), "inputs") for t in inputs]
    outputs_at = steps if outputs is None else [position(t, len(of), "outputs") for t in outputs]
    read = set(inputs_at)
    rows = {t: row for row, t in enumerate(t for t in of.order.tolist() if t in read)}
    columns = probe_columns(weights.weight_ih.shape[1], probes)
    by_output = _swept(of, rows, set(outputs_at), columns)
    norms = np.array([by_output[t] for t in outputs_at]).reshape(len(outputs_at), len(rows))
    return norms[:, [rows[t] for t in inputs_at]]


def probe_columns(size: int, probes: int) -> Float64:
    """Give directions such that ``E |A Ω|^2 = |A|^2`` (Frobenius), and exactly so if all are there.

    Args:
        size: I, columns of A.
        probes: How many at most.

    Returns:
        (I, k), k = min(I, probes): orthogonal, of length sqrt(I / k).

    Raises:
        ValueError: `probes` is below 1.
    """
    count = min(size, at_least(probes, 1, "probes"))
    return np.asarray(orthonormal(size, count) * np.sqrt(size / count))


def _swept(
    of: StateJacobian, rows: dict[int, int], outputs: set[int], probes: Float64
) -> dict[int, Float64]:
    """The row of each output: log10 of the norms over all inputs, in the order of work."""
    P, k = of.output_size, probes.shape[1]
    carried = np.zeros((of.size, len(rows), k))
    log_scale = np.zeros(len(rows))
    by_output, active = {}, 0
    for place, t in enumerate(of.order.tolist()):
        so_far = carried[:, :active]
        so_far[:] = of.jvp(t, so_far.reshape(of.size, -1)).reshape(so_far.shape)
        if t in rows:
            carried[:, active] = of.entering(t, probes)
            active += 1
        if t in outputs:
            norms = np.linalg.norm(carried[:P], axis=(0, 2))
            with np.errstate(divide="ignore"):
                by_output[t] = (np.log(norms) + log_scale) / np.log(10.0)
        if place % RESCALED == 0:
            largest = np.abs(carried).max(axis=(0, 2), initial=0.0)
            largest[(largest == 0) | ((largest > 1e-20) & (largest < 1e20))] = 1.0
            carried /= largest[:, None]
            log_scale += np.log(largest)
    return by_output


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
        model: Any torch module with recurrent layers, ours or torch's own; several layers, both
            directions, whatever lies between and behind. Or, without torch, what `glasscell.load`
            gave, or a folder of `glasscell.save`.
        x: One sequence without a batch axis, (T, I); or (T,) integers for a model that begins with
            an Embedding, and then dx_t is a change of what it gives. A tensor for a torch module.
        outputs: The steps t' of the output; default all.
        probes: k, directions in the output that are followed; with k >= O the norm is exact, else
            an estimate from k random orthonormal ones. Default 4.
        read: Callable on the model's output that picks the tensor to look at, laid out as the
            input; default the output itself, or its first part if it is a tuple. Without a time
            axis, (B, O), it counts as one step. For torch modules.
        batch_first: For torch modules, whether it reads (B, T, I) rather than (T, B, I); default
            what its recurrent layers do.

    Returns:
        (outputs, T) float64; -inf where there is no dependence, or one below the model's own
        precision (1e-45 in float32; give a `model.double()` for more).

    Raises:
        TypeError: `model` is none of these, x no tensor, or a saved model was given `read`.
        ShapeError: x has a batch axis, or the output's shape is none of these.
        ValueError: The model has no recurrent layer; x are integers and no Embedding ran; `probes`
            is below 1.
        IndexError: There is no such step.
        RuntimeError: A layer is not on the CPU.

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
