"""A torch module as fit makes it for labelled sequences: layers, pooling, head, skip."""

import torch

from glasscell.nn import LSTM, Grams, Linear, Pooling, Summary

POOLED = [("last",), ("mean",), ("max",), ("attention",), ("last", "mean", "max", "attention")]


class Pooled(torch.nn.Module):
    """y = head(pool(recurrent(x))) + skip(summary(x)); without kinds head(recurrent(x)).

    With `grams`, arguments of `Grams`, the skip is grams(x).
    """

    def __init__(
        self, kinds, features=3, size=5, outputs=2, layer=LSTM, bidirectional=False, skip=False,
        layers=1, grams=None,
    ):  # fmt: skip
        super().__init__()
        self.kinds = kinds
        self.recurrent = layer(
            features, size, layers, batch_first=True, bidirectional=bidirectional
        )
        width = size * (1 + bidirectional)
        self.pooling = Pooling(kinds, width, bidirectional) if kinds else None
        self.head = Linear(self.pooling.width if kinds else width, outputs)
        self.summary = Summary(features) if skip else None
        self.skip = Linear(4 * features, outputs) if skip else None
        if grams is not None:
            self.skip = Grams(features, outputs, **grams)
            torch.nn.init.normal_(self.skip.weight)
            torch.nn.init.normal_(self.skip.bias)

    def forward(self, x, lengths=None):
        y = self.recurrent(x)[0] if lengths is None else self._packed(x, lengths)
        if not self.kinds:
            return self.head(y)
        scores = self.head(self.pooling(y, lengths))
        if isinstance(self.skip, Grams):
            return scores + self.skip(x, lengths)
        return scores if self.skip is None else scores + self.skip(self.summary(x, lengths))

    def _packed(self, x, lengths):
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            x, lengths, batch_first=True, enforce_sorted=False
        )
        return torch.nn.utils.rnn.pad_packed_sequence(
            self.recurrent(packed)[0], batch_first=True, total_length=x.shape[1]
        )[0]

    def glasscell_node(self, child):
        attention = "attention" in self.kinds
        return {
            "type": "SequenceNetwork",
            "pooling": list(self.kinds),
            "recurrent": child("recurrent"),
            "attention": child("pooling.attention") if attention else None,
            "head": child("head"),
            "skip": None if self.skip is None else child("skip"),
        }


def ragged(dtype=torch.float64, features=3, seed=0):
    """(4, 9, F) and the lengths of four sequences, one of a single step, one of all."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(4, 9, features, dtype=dtype, generator=generator)
    return x, torch.tensor([9, 4, 1, 6])


def ragged_symbols(features=3, seed=0, dtype=torch.float32):
    """(5, 17, F) scaled one-hot steps, some of no symbol, and lengths from 1 to all."""
    generator = torch.Generator().manual_seed(seed)
    symbols = torch.randint(0, features + 1, (5, 17), generator=generator)
    x = 2 * torch.nn.functional.one_hot(symbols, features + 1)[..., :features].to(dtype)
    return x, torch.tensor([17, 4, 1, 2, 16])
