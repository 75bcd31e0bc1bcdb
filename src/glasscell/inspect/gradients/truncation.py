"""Truncated backpropagation through time: what a window of some steps loses of the gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from glasscell.arrays import whole
from glasscell.inspect.gradients.belt import norm
from glasscell.inspect.subjects.torch_model import (
    called,
    check_loss,
    is_cell,
    recurrent_modules,
    unchanged,
)
from glasscell.traces import pictures

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes

__all__ = ["Truncation", "truncation"]

Float64: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Truncation:
    """Truncated against full gradients of the recurrent layers' weights.

    Attributes:
        lengths: (n,) int64, steps that a gradient may travel back, rising.
        cosine: (n,) float64, of the angle between the truncated and the full gradient; NaN where
            one of them is zero.
        ratio: (n,) norm of the truncated over that of the full gradient.
    """

    lengths: npt.NDArray[np.int64]
    cosine: Float64
    ratio: Float64

    def shortest(self, cosine: float = 0.99) -> int | None:
        """Give the shortest length from which on every one reaches a cosine; None if none does.

        >>> found = Truncation(np.array([4, 8, 16]), np.array([0.2, 0.995, 1.0]), np.ones(3))
        >>> found.shortest()
        8
        """
        short = np.flatnonzero(~(self.cosine >= cosine))
        first = int(short[-1]) + 1 if len(short) else 0
        return int(self.lengths[first]) if first < len(self.lengths) else None

    def plot(self, ax: Any = None, **options: Any) -> Axes:
        """Draw the cosine over the length of the window; needs matplotlib.

        Args:
            ax: where; default a new pyplot figure.
            **options: as `glasscell.report.plots.truncation` takes them.

        Returns:
            The Axes.
        """
        return pictures.plot("truncation", self, ax=ax, **options)


def truncation(
    model: torch.nn.Module,
    x: Any,
    loss: Callable[[Any], torch.Tensor],
    lengths: Sequence[int] | None = None,
) -> Truncation:
    """Compare the gradients of truncated backpropagation through time with the full one.

    ``cos = <g_k, g> / (|g_k| |g|)``, g_k the gradient of all recurrent weights if the state is
    handed on but not differentiated through every k steps.

    Args:
        model: any torch module with LSTM or RNN layers that read forwards, ours or torch's own.
        x: what the model is called with; a tuple is several positional arguments.
        loss: callable on the model's output that returns a scalar tensor.
        lengths: candidates k; default the powers of 2 below T, and T.

    Returns:
        `Truncation`.

    Raises:
        TypeError: `model` is no torch module, a length no whole number, or `loss` gave no tensor.
        ValueError: a layer is bidirectional, a cell, has dropout between its layers while in
            training mode, or is given a `PackedSequence`, `lengths` or `reset`; a length is below
            1; or the loss is no scalar or does not depend on the layers.
        RuntimeError: a layer is not on the CPU.

    Notes:
        One forward and one backward pass per length, and one for the full gradient. Pieces are
        counted from the end of the sequence, so that a loss on the last step sees k steps; one on
        every step sees 1 … k of them, k / 2 in the mean. The forward pass is the same for every
        length. Weights behind the recurrent layers are not compared: truncation does not touch
        their gradients, which would only flatter the cosine. Leaves every `.grad` and buffer and
        torch's random state as they were. Source: R. Williams and J. Peng, An efficient
        gradient-based algorithm for on-line training of recurrent network trajectories, Neural
        Computation 2, 1990 (truncation).

    >>> import torch
    >>> model = torch.nn.RNN(1, 1, nonlinearity="relu", bias=False)
    >>> weights = model.weight_ih_l0.data.fill_(1), model.weight_hh_l0.data.fill_(1)
    >>> x = torch.tensor([8.0, -1, -1, -1, -1, -1, -1, -1])[:, None]
    >>> found = truncation(model, x, lambda out: out[0][-1].sum())
    >>> found.lengths, found.cosine.round(2), found.shortest()
    (array([1, 2, 4, 8]), array([0.88, 0.92, 0.95, 1.  ]), 8)
    """
    import torch

    modules = recurrent_modules(model)
    _check_modules(modules)
    weights = [weight for module in modules.values() for weight in module.parameters()]

    def gradient(length: int | None) -> tuple[Float64, int]:
        with unchanged(model), torch.enable_grad(), _pieces(modules, length) as seen:
            value = loss(called(model, x))
            check_loss(value)
            found = torch.autograd.grad(value, weights, allow_unused=True)
        flat = [
            torch.zeros_like(w) if g is None else g for w, g in zip(weights, found, strict=True)
        ]
        return np.concatenate([g.double().numpy().ravel() for g in flat]), max(seen, default=0)

    with _differentiable(weights):
        full, steps = gradient(None)
        wanted = _default_lengths(steps)
        if lengths is not None:
            wanted = np.unique([whole(length, "lengths") for length in lengths])
        if (wanted < 1).any():
            raise ValueError(f"expected lengths >= 1, got {wanted.tolist()}")
        compared = [_compared(gradient(length)[0], full) for length in wanted.tolist()]
    cosine, ratio = np.array(compared).reshape(-1, 2).T
    return Truncation(wanted.astype(np.int64), cosine, ratio)


def _default_lengths(steps: int) -> npt.NDArray[np.int64]:
    powers = 2 ** np.arange(max(steps - 1, 0).bit_length())
    return np.append(powers, steps).astype(np.int64)


def _compared(truncated: Float64, full: Float64) -> tuple[float, float]:
    # Scaled first: products of gradients near 1e-160 would underflow.
    sizes = float(norm(truncated)), float(norm(full))
    if 0.0 in sizes:
        return float("nan"), 0.0 if sizes[1] else float("nan")
    return float((truncated / sizes[0]) @ (full / sizes[1])), sizes[0] / sizes[1]


def _check_modules(modules: Mapping[str, Any]) -> None:
    for name, module in modules.items():
        reason = ""
        if is_cell(module):
            reason = "is a cell: its loop is in the model's own forward; detach its state there"
        elif module.bidirectional:
            reason = "is bidirectional: a reverse layer has no truncated gradient, as it reads all"
        elif module.training and module.dropout and module.num_layers > 1:
            reason = "draws dropout between its layers anew for each piece: call model.eval() first"
        if reason:
            raise ValueError(f"expected LSTM and RNN layers that read forwards; {name!r} {reason}")


@contextmanager
def _differentiable(weights: Sequence[torch.nn.Parameter]) -> Iterator[None]:
    frozen = [weight for weight in weights if not weight.requires_grad]
    for weight in frozen:
        weight.requires_grad_(True)
    try:
        yield
    finally:
        for weight in frozen:
            weight.requires_grad_(False)


@contextmanager
def _pieces(modules: Mapping[str, torch.nn.Module], length: int | None) -> Iterator[list[int]]:
    """Let layers run piece by piece, no gradient between them; yields how many steps each ran."""
    steps: list[int] = []
    before = [(module, module.__dict__.get("forward")) for module in modules.values()]
    for module, _ in before:
        module.forward = _in_pieces(module, length, steps)
    try:
        yield steps
    finally:
        for module, own in before:
            del module.forward
            if own is not None:
                module.forward = own


def _in_pieces(module: Any, length: int | None, steps: list[int]) -> Callable[..., Any]:
    import torch

    run = module.forward

    def forward(x: Any, state: Any = None, **more: Any) -> Any:
        if not isinstance(x, torch.Tensor) or any(value is not None for value in more.values()):
            raise ValueError(
                "expected every recurrent layer to be called on a tensor (T, B, I) and a state, "
                f"got {type(x).__name__}{''.join(', ' + key for key in more)}; pad the sequences"
            )
        axis = 1 if module.batch_first and x.dim() == 3 else 0
        steps.append(x.shape[axis])
        if length is None:
            return run(x, state)
        first = x.shape[axis] % length
        sizes = [first] * (first > 0) + [length] * (x.shape[axis] // length)
        outputs = []
        for place, part in enumerate(torch.split(x, sizes, axis)):
            output, state = run(part, _detached(state) if place else state)
            outputs.append(output)
        return torch.cat(outputs, axis), state

    return forward


def _detached(state: Any) -> Any:
    return tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()
