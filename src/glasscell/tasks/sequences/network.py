"""The network that labels sequences, and the size of its plain rival."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from glasscell import cells
from glasscell.arrays import Array
from glasscell.model.nodes.grams import Alphabet
from glasscell.nn import GRU, LSTM, RNN, Grams, Linear, Pooling, Summary
from glasscell.training.kinds import MODES, Kind

LAYERS = {"LSTM": LSTM, "GRU": GRU, "RNN": RNN}


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What the networks of one run have in common, but for the recurrent layer's kind and size.

    Args:
        features: F, numbers of a step.
        outputs: O, scores of a sequence or step.
        layers: L, recurrent layers.
        bidirectional: Whether each layer also reads from the end.
        pooling: What the head reads of all steps, see `glasscell.nn.Pooling`; none: every step has
            scores of its own.
        skip: Whether a linear path leads from `glasscell.nn.Summary` to the scores; never without
            a pooling.
        grams: The n-grams that this path reads in place of that, of symbols; None: it does not.
    """

    features: int
    outputs: int
    layers: int = 1
    bidirectional: bool = True
    pooling: tuple[str, ...] = ("mean", "max")
    skip: bool = True
    grams: Alphabet | None = None

    def parameters(self, kind: Kind, hidden_size: int) -> int:
        """Count the weights of a `SequenceNetwork` without making one.

        >>> Shape(features=12, outputs=9, pooling=("mean",)).parameters("LSTM", 32)
        12802
        """
        width = hidden_size * (1 + self.bidirectional)
        reads = [self.features] + [width] * (self.layers - 1)
        gates = cells.of(MODES[kind]).gate_count
        recurrent = sum(gates * width * (size + hidden_size + 2) for size in reads)
        attention = width + 1 if "attention" in self.pooling else 0
        head = self.outputs * (width * max(len(self.pooling), 1) + 1)
        linear = 4 * self.features if self.grams is None else self.grams.rows
        skip = self.outputs * (linear + 1) if self.skip and self.pooling else 0
        return recurrent + attention + head + skip

    def twin(self, kind: Kind, hidden_size: int) -> int:
        """Find the hidden size that brings a plain RNN nearest to a network's parameter count.

        >>> Shape(features=12, outputs=9).twin("LSTM", 32)
        66
        """
        wanted = self.parameters(kind, hidden_size)
        sizes = range(1, 4 * hidden_size + 1)
        return min(sizes, key=lambda size: abs(self.parameters("RNN", size) - wanted))


class SequenceNetwork(torch.nn.Module):
    """Scores of a sequence of any length, or of each of its steps.

    With pool, summary and skip where there are some::

        y   = head(pool(recurrent(x))) + skip(summary(x))      one row for a sequence
        y   = head(pool(recurrent(x))) + skip(x)               the same, where the skip has grams
        y_t = head(recurrent(x)_t)                             one row for each step

    Args:
        kind: "LSTM", "GRU" or "RNN".
        hidden_size: H, units of a layer and direction.
        shape: All else.
        device: Where the weights live; default the CPU.

    Notes:
        What stands after the end of a sequence changes no bit of its scores, nor does any other
        sequence of the batch.

    >>> network = SequenceNetwork("GRU", 4, Shape(features=2, outputs=3))
    >>> network(torch.zeros(5, 7, 2), torch.tensor([7, 1, 3, 7, 2])).shape
    torch.Size([5, 3])
    """

    def __init__(
        self,
        kind: Kind,
        hidden_size: int,
        shape: Shape,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        self.shape = shape
        self.recurrent = LAYERS[kind](
            shape.features,
            hidden_size,
            shape.layers,
            batch_first=True,
            bidirectional=shape.bidirectional,
            device=device,
        )
        self.width = hidden_size * (1 + shape.bidirectional)
        self.pooling = self.summary = None
        self.skip: Grams | Linear | None = None
        if shape.pooling:
            self.pooling = Pooling(shape.pooling, self.width, shape.bidirectional, device=device)
            self.width = self.pooling.width
        self.head = Linear(self.width, shape.outputs, device=device)
        if shape.skip and shape.pooling and shape.grams is not None:
            order, rows = shape.grams.order, shape.grams.rows
            self.skip = Grams(shape.features, shape.outputs, order, rows, device=device)
        elif shape.skip and shape.pooling:
            self.summary = Summary(shape.features)
            self.skip = Linear(self.summary.width, shape.outputs, device=device)

    def forward(
        self,
        x: torch.Tensor,
        lengths: torch.Tensor | None = None,
        kept: torch.Tensor | None = None,
        noise: torch.Tensor | None = None,
        linear: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Score sequences.

        Args:
            x: (B, T, F) scaled steps.
            lengths: (B,) int64 steps of each sequence; default T.
            kept: (B, width) factors of what the head reads, for dropout: drawn by whoever trains,
                so that a run that goes on has the same bits; default 1.
            noise: (B, T, F) what is added to x for the recurrent layer alone, drawn likewise: the
                deviation of what has noise is another. Default 0.
            linear: (B, 4 F) what the skip reads, where x was changed in training: the summary of
                the sequences as they are; of n-grams (B, outputs), what is added in place of what
                it gives. Default: from x.

        Returns:
            (B, O) scores, or (B, T, O) without a pooling.
        """
        output, _ = self.recurrent(x if noise is None else x + noise, lengths=lengths)
        if self.pooling is not None:
            output = self.pooling(output, lengths)
        if kept is not None:
            output = output * (kept if self.pooling is not None else kept[:, None])
        scores: torch.Tensor = self.head(output)
        if isinstance(self.skip, Grams):
            scores = scores + (self.skip(x, lengths) if linear is None else linear)
        elif self.summary is not None and self.skip is not None:
            told = self.summary(x, lengths) if linear is None else linear
            scores = scores + self.skip(told)
        return scores

    def start_from(self, weight: Array, bias: Array) -> None:
        """Start training at a linear model: its weights on the skip, the head at zero.

        Args:
            weight: (outputs, 4 F) of a summary, or (outputs, N) of the rows of n-grams.
            bias: (outputs,).
        """
        assert self.skip is not None
        by_row = weight.T if isinstance(self.skip, Grams) else weight
        with torch.no_grad():
            self.skip.weight.copy_(torch.from_numpy(by_row))
            self.skip.bias.copy_(torch.from_numpy(bias))
            self.head.weight.zero_()
            self.head.bias.zero_()

    def glasscell_node(self, child: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
        """Give the node of config.json, for `glasscell.save`."""
        pooled = self.pooling is not None and self.pooling.attention is not None
        return {
            "type": "SequenceNetwork",
            "pooling": [] if self.pooling is None else list(self.pooling.kinds),
            "recurrent": child("recurrent"),
            "attention": child("pooling.attention") if pooled else None,
            "head": child("head"),
            "skip": None if self.skip is None else child("skip"),
        }
