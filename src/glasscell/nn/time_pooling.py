"""Pooling over time for torch: the bits of a saved model on the CPU, torch's own code elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional

from glasscell import engine
from glasscell.arrays import Array
from glasscell.errors import DtypeError, ShapeError
from glasscell.model.nodes.pooled_back import pool_back, summary_back
from glasscell.model.nodes.pooled_steps import POOLINGS, Pool
from glasscell.model.nodes.pooled_steps import Summary as Summed
from glasscell.nn.double_backward import batched, differentiable
from glasscell.nn.fallback import announce, reason_to_leave
from glasscell.nn.linear import Linear
from glasscell.nn.packed_weights import packed_linear
from glasscell.nn.team import threads
from glasscell.nn.tensors import view_of

__all__ = ["Pooling", "Summary", "check_steps", "ends_of", "places_over"]


class Pooling(torch.nn.Module):
    """One row of numbers for each sequence, out of the output of a recurrent layer.

    Of the steps t = 1 … n of a sequence, whatever stands after them::

        last       y_n; of a bidirectional layer the forward half of y_n and the reverse half of y_1
        mean       (y_1 + … + y_n) / n
        max        the largest of each feature
        attention  a_1 y_1 + … + a_n y_n with a = softmax(w y_1 + b, …, w y_n + b)

    Args:
        kinds: Some of "last", "mean", "max", "attention", each once; several are put side by side
            in this order.
        features: W, width of a step: D * H.
        bidirectional: Whether the second half of a step reads backwards.
        device: Of the attention's weights; default torch's.
        dtype: Of the attention's weights; default torch's.

    Attributes:
        width: K, numbers of a pooled sequence.
        attention: W numbers to a score, or None.

    Raises:
        ValueError: No kind, an unknown one, or one twice.

    Notes:
        float32 and float64 on the CPU have the bits of `glasscell.load`, of a sequence alone and in
        any batch, of all steps at once and step by step.

    >>> pooling = Pooling(("last", "mean"), features=1, bidirectional=False)
    >>> pooling(torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([2]))
    tensor([[3., 2.]])
    """

    def __init__(
        self,
        kinds: tuple[str, ...],
        features: int,
        bidirectional: bool,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        ordered = tuple(kind for kind in POOLINGS if kind in kinds)
        if not kinds or sorted(ordered) != sorted(kinds):
            raise ValueError(
                f"expected poolings among {', '.join(POOLINGS)}, each once, got {kinds!r}"
            )
        self.kinds = ordered
        self.pool = Pool(ordered, features, bidirectional)
        self.width = self.pool.gives
        self.attention = (
            Linear(features, 1, device=device, dtype=dtype) if "attention" in ordered else None
        )

    def forward(self, output: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Pool over time.

        Args:
            output: (B, T, W), batch first; T > 0.
            lengths: (B,) int64, steps of each sequence, 1 … T; default all T.

        Returns:
            (B, K).

        Raises:
            ShapeError, DtypeError: A tensor is not as it should be.
        """
        check_steps(output, lengths, self.pool.width)
        attention = self.attention
        weights = () if attention is None else (attention.weight, attention.bias)
        return _run(self, output, lengths, weights)

    def in_numpy(self, output: Array, lengths: Any, *weights: Tensor) -> tuple[Array, Array | None]:
        """Pool arrays; give the attention's scores too."""
        scores = None
        if self.attention is not None:
            # Rows as they lie in memory: a layer's output is a view of (T, B, W).
            turned = output.strides[0] < output.strides[1]
            rows = np.ascontiguousarray(output.swapaxes(0, 1) if turned else output)
            layer = packed_linear(self.attention, *weights)
            scores = engine.linear(layer, rows, threads=threads())[..., 0]
            scores = scores.T if turned else scores
        return self.pool.absorb(self.pool.begin(len(output)), output, lengths, scores), scores

    def back(
        self,
        output: Array,
        lengths: Any,
        pooled: Array,
        scores: Array | None,
        grad: Array,
        weight: Array | None = None,
        _: Array | None = None,
    ) -> tuple[Array | None, ...]:
        """Take a gradient back through `in_numpy`: to output, and the attention's weights."""
        return pool_back(self.pool, output, scores, lengths, pooled, grad, weight)

    def in_torch(self, output: Tensor, lengths: Tensor | None, *weights: Tensor) -> Tensor:
        """Pool tensors by torch's own operations."""
        over = places_over(output, lengths)
        counts = _counts(output, lengths)
        parts = []
        for kind in self.kinds:
            if kind == "last":
                ends, half = ends_of(output, lengths), self.pool.width // 2
                if self.pool.bidirectional:
                    ends = torch.cat([ends[:, :half], output[:, 0, half:]], dim=1)
                parts.append(ends)
            elif kind == "mean":
                parts.append(output.masked_fill(over[..., None], 0).sum(dim=1) / counts)
            elif kind == "max":
                parts.append(output.masked_fill(over[..., None], -torch.inf).max(dim=1).values)
            else:
                steps = output.masked_fill(over[..., None], 0)
                scores = functional.linear(steps, *weights)[..., 0]
                share = scores.masked_fill(over, -torch.inf).softmax(dim=1)
                parts.append((share[:, None] @ steps)[:, 0])
        return torch.cat(parts, dim=1)

    def extra_repr(self) -> str:
        """Say how it pools."""
        return f"{', '.join(self.kinds)}, features={self.pool.width}"


class Summary(torch.nn.Module):
    """What a linear model may know of a sequence: mean, deviation, first and last of each feature.

    In this order: F means, F standard deviations (divided by n), F first values, F last ones. Of a
    feature that does not change the deviation is 0, and so is its derivative.

    Args:
        features: F.

    Attributes:
        width: 4 F.

    >>> Summary(1)(torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([2]))
    tensor([[2., 1., 1., 3.]])
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.summary = Summed(features)
        self.width = self.summary.gives

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Summarize sequences x (B, T, F) of some `lengths` (B,), default all T, as (B, 4F).

        Raises:
            ShapeError, DtypeError: A tensor is not as it should be.
        """
        check_steps(x, lengths, self.summary.width)
        return _run(self, x, lengths, ())

    def in_numpy(self, x: Array, lengths: Any) -> tuple[Array, None]:
        """Summarize arrays."""
        return self.summary.absorb(self.summary.begin(len(x)), x, lengths), None

    def back(
        self, x: Array, lengths: Any, summary: Array, _: None, grad: Array
    ) -> tuple[Array | None, ...]:
        """Take a gradient back through `in_numpy`."""
        return (summary_back(x, lengths, grad),)

    def in_torch(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Summarize tensors by torch's own operations."""
        over, counts = places_over(x, lengths)[..., None], _counts(x, lengths)
        mean = x.masked_fill(over, 0).sum(dim=1) / counts
        away = (x - mean[:, None]).masked_fill(over, 0)
        # The first value again, exactly: what never changes has no deviation, and no slope.
        moves = (x != x[:, :1]).masked_fill(over, False).any(dim=1)
        variance = torch.where(moves, away.square().sum(dim=1) / counts, 1)
        deviation = torch.where(moves, variance.sqrt(), 0)
        return torch.cat([mean, deviation, x[:, 0], ends_of(x, lengths)], dim=1)


class _OverTime(Function):
    """NumPy forward and backward; a derivative of a derivative by torch's operations."""

    @staticmethod
    def forward(
        ctx: Any, module: Any, steps: Tensor, lengths: Tensor | None, *weights: Tensor
    ) -> Tensor:
        """Pool, and keep what the derivative needs."""
        result, ctx.scores = module.in_numpy(_seen(steps), _seen(lengths), *weights)
        pooled = torch.from_numpy(result)
        ctx.module = module
        ctx.save_for_backward(steps, lengths, pooled, *weights)
        return pooled

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Give the gradients of steps and weights."""
        steps, lengths, pooled, *weights = ctx.saved_tensors
        _, need_steps, _, *need_weights = ctx.needs_input_grad
        if torch.is_grad_enabled() or batched([grad]):
            again = differentiable(
                lambda steps, *weights: [ctx.module.in_torch(steps, lengths, *weights)],
                (steps, *weights),
                (need_steps, *need_weights),
                [grad],
                said=False,
            )
            return None, again[0], None, *again[1:]
        seen = [_seen(part) for part in (steps, lengths, pooled)]
        found = ctx.module.back(*seen, ctx.scores, _seen(grad), *map(_seen, weights))
        dsteps, *dweights = [torch.from_numpy(part) for part in found]
        return None, dsteps, None, *dweights


def _seen(tensor: Tensor | None) -> Array | None:
    """View a tensor as an array, in its own layout."""
    return None if tensor is None else view_of(tensor.resolve_neg())


def _run(
    module: Pooling | Summary,
    steps: Tensor,
    lengths: Tensor | None,
    weights: tuple[Tensor, ...],
) -> Tensor:
    in_torch: Callable[..., Tensor] = module.in_torch
    if torch.compiler.is_compiling():
        return in_torch(steps, lengths, *weights)
    reason = reason_to_leave(steps, (steps, *weights))
    if reason is not None:
        announce(reason, module=module)
        return in_torch(steps, lengths, *weights)
    pooled: Tensor = _OverTime.apply(  # type: ignore[no-untyped-call]
        module, steps, lengths, *weights
    )
    return pooled


def check_steps(steps: Tensor, lengths: Tensor | None, width: int) -> None:
    """Refuse steps other than (B, T, width) and lengths that do not fit them."""
    if steps.dim() != 3 or steps.shape[1] == 0 or steps.shape[2] != width:
        raise ShapeError(
            f"expected (B, T, {width}) with T > 0, batch first, got {tuple(steps.shape)}"
        )
    if lengths is None:
        return
    if lengths.dtype is not torch.int64:
        raise DtypeError(f"expected lengths as int64, got {lengths.dtype}")
    if lengths.shape != steps.shape[:1]:
        raise ShapeError(
            f"expected lengths of shape (B,) = ({len(steps)},), got {tuple(lengths.shape)}"
        )
    # On another device the question alone would wait for all that is under way there.
    if type(lengths) is not Tensor or not lengths.is_cpu or torch.compiler.is_compiling():
        return
    found = lengths.tolist()
    if found and not 1 <= min(found) <= max(found) <= steps.shape[1]:
        raise ShapeError(
            f"expected lengths in 1 … T = {steps.shape[1]}, got {min(found)} … {max(found)}"
        )


def places_over(steps: Tensor, lengths: Tensor | None) -> Tensor:
    """Tell which steps (B, T) lie after the end."""
    place = torch.arange(steps.shape[1], device=steps.device)
    if lengths is None:
        return (place < 0).expand(len(steps), -1)
    return place >= lengths.to(steps.device)[:, None]


def _counts(steps: Tensor, lengths: Tensor | None) -> Tensor | int:
    if lengths is None:
        return steps.shape[1]
    return lengths.to(steps.device, steps.dtype)[:, None]


def ends_of(steps: Tensor, lengths: Tensor | None) -> Tensor:
    """Give the last step (B, ·) of each sequence."""
    if lengths is None:
        return steps[:, -1]
    last = (lengths.to(steps.device) - 1)[:, None, None].expand(-1, 1, steps.shape[2])
    return steps.gather(1, last)[:, 0]
