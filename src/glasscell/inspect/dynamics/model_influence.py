"""Which inputs a whole torch model's outputs depend on: |dy_t' / dx_t| for all pairs of steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from glasscell.arrays import position
from glasscell.errors import DtypeError, ShapeError
from glasscell.inspect.dynamics.influence import probe_columns
from glasscell.inspect.gradients.belt import norm
from glasscell.inspect.subjects.torch_model import recurrent_modules, unchanged

if TYPE_CHECKING:
    import torch

__all__ = ["model_influence"]

Float64: TypeAlias = npt.NDArray[np.float64]

COPIES = 256
"""Sequences in one batch; more only take more memory."""


def model_influence(
    model: torch.nn.Module,
    x: torch.Tensor,
    outputs: Sequence[int] | None = None,
    probes: int = 4,
    read: Callable[[Any], torch.Tensor] | None = None,
    batch_first: bool | None = None,
) -> Float64:
    """Give ``log10 |dy_t' / dx_t|`` (Frobenius norm) through a whole model for all pairs of steps.

    Args:
        model: any torch module with recurrent layers, ours or torch's own; several layers, both
            directions, whatever lies between and behind.
        x: one sequence without a batch axis, (T, I); or (T,) integers for a model that begins with
            an Embedding, and then dx_t is a change of what it gives.
        outputs: the steps t' of the output; default all.
        probes: k, directions in the output that are followed; with k >= O the norm is exact, else
            an estimate from k random orthonormal ones. Default 4.
        read: callable on the model's output that picks the tensor to look at, laid out as the
            input; default the output itself, or its first part if it is a tuple. Without a time
            axis, (B, O), it counts as one step.
        batch_first: whether the model reads (B, T, I) rather than (T, B, I); default what its
            recurrent layers do.

    Returns:
        (outputs, T) float64; -inf where there is no dependence, or one below the model's own
        precision (1e-45 in float32; give a `model.double()` for more).

    Raises:
        TypeError: `model` is no torch module, or x no tensor.
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
    import torch

    modules = recurrent_modules(model).values()
    if batch_first is None:
        batch_first = any(getattr(module, "batch_first", False) for module in modules)
    if not isinstance(x, torch.Tensor):
        raise DtypeError(
            f"expected x (T, I) as a torch tensor, got {type(x).__name__}; use torch.as_tensor(x)"
        )
    if x.dim() != 1 + x.is_floating_point():
        raise ShapeError(
            "expected one sequence x (T, I), or (T,) integers for an Embedding, got "
            f"{tuple(x.shape)} of {x.dtype}"
        )
    with unchanged(model), torch.inference_mode(False), torch.enable_grad(), _evaluated(model):
        run = _Copies(model, x.detach().clone(), int(batch_first), read)
        shape = run(1)[0].shape
        steps = range(shape[1])
        wanted = steps if outputs is None else [position(t, shape[1], "outputs") for t in outputs]
        directions = probe_columns(shape[2], probes).T
        each = max(COPIES // len(directions), 1)
        pieces = [wanted[first : first + each] for first in range(0, len(wanted), each)]
        norms = [_norms(run, piece, directions) for piece in pieces]
    with np.errstate(divide="ignore"):
        return np.asarray(np.log10(np.concatenate([np.zeros((0, len(x))), *norms])))


class _Copies:
    """Runs a model on copies of one sequence; gives (B, T', O) and the leaf (B, T, ·) before it."""

    def __init__(
        self,
        model: torch.nn.Module,
        x: torch.Tensor,
        batch_first: int,
        read: Callable[[Any], torch.Tensor] | None,
    ) -> None:
        self._model, self._x, self._batch_first, self._read = model, x, batch_first, read

    def __call__(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        copies = torch.stack([self._x] * count, 1 - self._batch_first)
        if copies.is_floating_point():
            leaf = copies.requires_grad_()
            out = self._model(leaf)
        else:
            with _embedded(self._model) as leaves:
                out = self._model(copies)
            if not leaves:
                raise ValueError("expected an Embedding to run on integers x, none did")
            leaf = leaves[0]
        out = self._read(out) if self._read else out[0] if isinstance(out, tuple) else out
        return self._batched(out, count), leaf

    def norms(self, gradient: torch.Tensor, copies: tuple[int, int]) -> Float64:
        """(n, T): norms over probes and features of the gradient of `copies` = (n, k) sequences."""
        by_copy = gradient if self._batch_first else gradient.transpose(0, 1)
        return norm(by_copy.numpy().reshape(*copies, *by_copy.shape[1:]), axis=(1, 3))

    def _batched(self, out: torch.Tensor, count: int) -> torch.Tensor:
        if out.dim() == 2 and len(out) == count:
            return out[:, None]
        if out.dim() != 3 or out.shape[1 - self._batch_first] != count:
            raise ShapeError(
                f"expected an output (B, O), or laid out as the input with B = {count}, got "
                f"{tuple(out.shape)}; pick a tensor with `read`, or set `batch_first`"
            )
        return out if self._batch_first else out.transpose(0, 1)


def _norms(run: _Copies, steps: Sequence[int], directions: Float64) -> Float64:
    """(n, T): |dy_t' / dx_t| of some output steps, from one backward pass."""
    import torch

    copies = len(steps), len(directions)
    out, leaf = run(copies[0] * copies[1])
    if not out.requires_grad:
        raise ValueError("expected an output that depends on x, got one that was detached from it")
    cotangents = torch.zeros_like(out)
    at = torch.tensor(steps).repeat_interleave(copies[1])
    rows = torch.from_numpy(directions).to(out.dtype).repeat(copies[0], 1)
    cotangents[torch.arange(len(at)), at] = rows
    return run.norms(torch.autograd.grad(out, leaf, cotangents)[0], copies)


@contextmanager
def _embedded(model: torch.nn.Module) -> Iterator[list[torch.Tensor]]:
    """Cut the graph behind every Embedding; yields what they gave, as leaves."""
    import torch

    leaves: list[torch.Tensor] = []

    def cut(module: torch.nn.Module, args: Any, output: torch.Tensor) -> torch.Tensor:
        leaves.append(output.detach().requires_grad_())
        return leaves[-1]

    kinds = [module for module in model.modules() if isinstance(module, torch.nn.Embedding)]
    handles = [module.register_forward_hook(cut) for module in kinds]
    try:
        yield leaves
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _evaluated(model: torch.nn.Module) -> Iterator[None]:
    """Eval mode, and no gradients of weights, which cost as much as those that are asked for."""
    modes = [(module, module.training) for module in model.modules()]
    learnt = [weight for weight in model.parameters() if weight.requires_grad]
    try:
        model.eval()
        for weight in learnt:
            weight.requires_grad_(False)
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for weight in learnt:
            weight.requires_grad_(True)
