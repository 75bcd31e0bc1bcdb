"""A linear model of n-grams for torch: the bits of a saved model on the CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional

from glasscell.model.nodes.grams import Alphabet
from glasscell.model.nodes.grams import Grams as Scored
from glasscell.nn.double_backward import batched, differentiable
from glasscell.nn.fallback import announce, reason_to_leave
from glasscell.nn.tensors import view_of
from glasscell.nn.time_pooling import check_steps, ends_of, places_over

__all__ = ["Grams"]


class Grams(torch.nn.Module):
    """Scores of sequences of symbols: a number for every n-gram, and for those at the end.

    Over the steps t = 1 … n of a sequence and the grams of k = 1 … order symbols that end there::

        y = bias + Σ_t Σ_k weight[g_kt] + Σ_k weight[e_kn]

    A step is the symbol of its largest feature, or the unknown one where none is above 0; a mark
    stands before the first step. g and e are rows, see `Alphabet`; with fewer rows than grams some
    share one.

    Args:
        features: F, at least 2.
        outputs: O.
        order: The most symbols of a gram; default 3.
        rows: N; default one for each gram.
        device: Of the weights; default torch's.
        dtype: Of the weights; default torch's.

    Attributes:
        weight: (N, O), zeros at first.
        bias: (O,), zeros at first.
        alphabet: Which gram has which row.

    Notes:
        float32 and float64 on the CPU have the bits of `glasscell.load`. A symbol is picked, not
        measured: nothing of the gradient goes on to x.

    >>> grams = Grams(2, 1, order=1)
    >>> _ = torch.nn.init.ones_(grams.weight)
    >>> grams(torch.eye(2)[None]).item()
    3.0
    """

    def __init__(
        self,
        features: int,
        outputs: int,
        order: int = 3,
        rows: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if features < 2 or outputs < 1 or order < 1 or (rows is not None and rows < 1):
            raise ValueError(
                "expected features >= 2, outputs >= 1, order >= 1 and rows >= 1, got "
                f"{features}, {outputs}, {order} and {rows}"
            )
        alphabet = Alphabet(features, order, rows or 1)
        self.alphabet = alphabet if rows else Alphabet(features, order, 2 * alphabet.count)
        self.outputs = outputs
        size = self.alphabet.rows, outputs
        self.weight = torch.nn.Parameter(torch.zeros(size, device=device, dtype=dtype))
        self.bias = torch.nn.Parameter(torch.zeros(outputs, device=device, dtype=dtype))

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Score sequences.

        Args:
            x: (B, T, F), batch first; T > 0.
            lengths: (B,) int64, steps of each sequence, 1 … T; default all T.

        Returns:
            (B, O) in the dtype of the weights.

        Raises:
            ShapeError, DtypeError: A tensor is not as it should be.
        """
        check_steps(x, lengths, self.alphabet.features)
        if torch.compiler.is_compiling():
            return self.in_torch(x, lengths, self.weight, self.bias)
        reason = reason_to_leave(x, (self.weight, self.bias), expected=2)
        if reason is not None:
            announce(reason, module=self)
            return self.in_torch(x, lengths, self.weight, self.bias)
        scores: Tensor = _Sums.apply(  # type: ignore[no-untyped-call]
            self, x.detach(), lengths, self.weight, self.bias
        )
        return scores

    def rows_of(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """Give the rows (B, T, order) of the grams at every step, and (B, order) at the end."""
        alphabet = self.alphabet
        top, found = x.max(dim=-1)
        symbols = torch.where(top > 0, found, alphabet.features)
        padded = functional.pad(symbols, (alphabet.order - 1, 0), value=alphabet.begin)
        numbers = torch.stack(alphabet.numbers(padded), dim=-1)
        return alphabet.row(numbers), alphabet.row(ends_of(numbers, lengths) + alphabet.count)

    def in_torch(self, x: Tensor, lengths: Tensor | None, weight: Tensor, bias: Tensor) -> Tensor:
        """Score tensors by torch's own operations."""
        rows, at_end = self.rows_of(x, lengths)
        each = functional.embedding(rows, weight).sum(dim=2)
        total = each.masked_fill(places_over(x, lengths)[..., None], 0).sum(dim=1)
        return bias + total + functional.embedding(at_end, weight).sum(dim=1)

    def extra_repr(self) -> str:
        """Say what is counted."""
        alphabet = self.alphabet
        return (
            f"{alphabet.features} symbols, {self.outputs} scores, order={alphabet.order}, "
            f"rows={alphabet.rows}"
        )


class _Sums(Function):
    """NumPy forward; backwards every row gets what the scores of its grams got."""

    @staticmethod
    def forward(
        ctx: Any, module: Grams, x: Tensor, lengths: Tensor | None, weight: Tensor, bias: Tensor
    ) -> Tensor:
        """Score, and keep the steps."""
        ctx.module = module
        ctx.save_for_backward(x, lengths, weight, bias)
        ends = None if lengths is None else view_of(lengths)
        scored = Scored(module.alphabet, view_of(weight), view_of(bias))
        scores = scored.absorb(scored.begin(len(x)), view_of(x.resolve_neg()), ends)
        return torch.from_numpy(scores.astype(scored.weight.dtype, copy=False))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Give the gradients of weight and bias."""
        x, lengths, weight, bias = ctx.saved_tensors
        module, (*_, need_weight, need_bias) = ctx.module, ctx.needs_input_grad
        if torch.is_grad_enabled() or batched([grad]):
            again = differentiable(
                lambda weight, bias: [module.in_torch(x, lengths, weight, bias)],
                (weight, bias),
                (need_weight, need_bias),
                [grad],
                said=False,
            )
            return None, None, None, *again
        dweight = _to_rows(module, x, lengths, grad) if need_weight else None
        return None, None, None, dweight, grad.sum(dim=0) if need_bias else None


def _to_rows(module: Grams, x: Tensor, lengths: Tensor | None, grad: Tensor) -> Tensor:
    """Add the gradient of each sequence's scores (B, O) to the rows (N, O) of its grams."""
    rows, at_end = module.rows_of(x, lengths)
    there = ~places_over(x, lengths)
    order = rows.shape[2]
    counted = torch.cat([rows[there], at_end])
    owners = torch.cat([torch.nonzero(there)[:, 0], torch.arange(len(x))])
    each = grad[owners][:, None].expand(-1, order, -1)
    dweight: Tensor = torch.ops.aten.embedding_dense_backward(
        each.contiguous(), counted, module.alphabet.rows, -1, False
    )
    return dweight
