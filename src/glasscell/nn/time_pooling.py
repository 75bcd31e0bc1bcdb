"""Pooling over time for torch: the bits of a saved model on the CPU, torch's own code elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function

from glasscell.arrays import Array
from glasscell.errors import DtypeError, ShapeError
from glasscell.model.nodes.pooled_steps import POOLINGS, Pool
from glasscell.model.nodes.pooled_steps import Summary as Summed
from glasscell.nn.fallback import announce, reason_to_leave
from glasscell.nn.linear import Linear
from glasscell.nn.tensors import array_of

__all__ = ["Pooling", "Summary"]


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
        _check(output, lengths, self.pool.width)
        scores = None if self.attention is None else self.attention(output)[..., 0]
        return _run(self, output, scores, lengths)

    def in_numpy(self, output: Array, scores: Array | None, lengths: Any) -> Array:
        """Pool arrays."""
        return self.pool.absorb(self.pool.begin(len(output)), output, lengths, scores)

    def in_torch(self, output: Tensor, scores: Tensor | None, lengths: Tensor | None) -> Tensor:
        """Pool tensors by torch's own operations."""
        over = _over(output, lengths)
        counts = _counts(output, lengths)
        parts = []
        for kind in self.kinds:
            if kind == "last":
                ends, half = _ends(output, lengths), self.pool.width // 2
                if self.pool.bidirectional:
                    ends = torch.cat([ends[:, :half], output[:, 0, half:]], dim=1)
                parts.append(ends)
            elif kind == "mean":
                parts.append(output.masked_fill(over[..., None], 0).sum(dim=1) / counts)
            elif kind == "max":
                parts.append(output.masked_fill(over[..., None], -torch.inf).max(dim=1).values)
            else:
                assert scores is not None
                share = scores.masked_fill(over, -torch.inf).softmax(dim=1)
                steps = output.masked_fill(over[..., None], 0)
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
        _check(x, lengths, self.summary.width)
        return _run(self, x, None, lengths)

    def in_numpy(self, x: Array, _: None, lengths: Any) -> Array:
        """Summarize arrays."""
        return self.summary.absorb(self.summary.begin(len(x)), x, lengths)

    def in_torch(self, x: Tensor, _: None, lengths: Tensor | None) -> Tensor:
        """Summarize tensors by torch's own operations."""
        over, counts = _over(x, lengths)[..., None], _counts(x, lengths)
        mean = x.masked_fill(over, 0).sum(dim=1) / counts
        away = (x - mean[:, None]).masked_fill(over, 0)
        # The first value again, exactly: what never changes has no deviation, and no slope.
        moves = (x != x[:, :1]).masked_fill(over, False).any(dim=1)
        variance = torch.where(moves, away.square().sum(dim=1) / counts, 1)
        deviation = torch.where(moves, variance.sqrt(), 0)
        return torch.cat([mean, deviation, x[:, 0], _ends(x, lengths)], dim=1)


class _OverTime(Function):
    """NumPy forward; the derivative is that of the same in torch's operations."""

    @staticmethod
    def forward(
        ctx: Any, module: Any, steps: Tensor, scores: Tensor | None, lengths: Tensor | None
    ) -> Tensor:
        """Pool, and keep what the derivative needs."""
        ctx.module = module
        ctx.save_for_backward(steps, scores, lengths)
        counts = None if lengths is None else array_of(lengths)
        pooled = module.in_numpy(array_of(steps), array_of(scores), counts)
        return torch.from_numpy(np.ascontiguousarray(pooled))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Give the gradients of steps and scores."""
        *inputs, lengths = ctx.saved_tensors
        again = torch.is_grad_enabled()  # derivatives of derivatives are wanted
        if not again:
            inputs = [part if part is None else part.detach().requires_grad_() for part in inputs]
        wanted = [
            part
            for part, needs in zip(inputs, ctx.needs_input_grad[1:3], strict=True)
            if part is not None and needs
        ]
        with torch.enable_grad():
            pooled = ctx.module.in_torch(*inputs, lengths)
            found = iter(torch.autograd.grad(pooled, wanted, grad, create_graph=again))
        return None, *(next(found) if need else None for need in ctx.needs_input_grad[1:3]), None


def _run(
    module: Pooling | Summary, steps: Tensor, scores: Tensor | None, lengths: Tensor | None
) -> Tensor:
    in_torch: Callable[..., Tensor] = module.in_torch
    if torch.compiler.is_compiling():
        return in_torch(steps, scores, lengths)
    reason = reason_to_leave(steps, (steps, scores))
    if reason is not None:
        announce(reason, module=module)
        return in_torch(steps, scores, lengths)
    pooled: Tensor = _OverTime.apply(  # type: ignore[no-untyped-call]
        module, steps, scores, lengths
    )
    return pooled


def _check(steps: Tensor, lengths: Tensor | None, width: int) -> None:
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
    if type(lengths) is Tensor and lengths.is_cpu and len(lengths) and not _within(lengths, steps):
        raise ShapeError(
            f"expected lengths in 1 … T = {steps.shape[1]}, got {int(lengths.min())} … "
            f"{int(lengths.max())}"
        )


def _within(lengths: Tensor, steps: Tensor) -> bool:
    if torch.compiler.is_compiling():
        return True
    return bool(lengths.min() >= 1) and bool(lengths.max() <= steps.shape[1])


def _over(steps: Tensor, lengths: Tensor | None) -> Tensor:
    """Which steps (B, T) lie after the end."""
    place = torch.arange(steps.shape[1], device=steps.device)
    if lengths is None:
        return (place < 0).expand(len(steps), -1)
    return place >= lengths.to(steps.device)[:, None]


def _counts(steps: Tensor, lengths: Tensor | None) -> Tensor | int:
    if lengths is None:
        return steps.shape[1]
    return lengths.to(steps.device, steps.dtype)[:, None]


def _ends(steps: Tensor, lengths: Tensor | None) -> Tensor:
    if lengths is None:
        return steps[:, -1]
    last = (lengths.to(steps.device) - 1)[:, None, None].expand(-1, 1, steps.shape[2])
    return steps.gather(1, last)[:, 0]
