"""The first of 64 symbols is to be told after the last: a claim about the LSTM, and one bias."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from glasscell.nn import Linear
from glasscell.reproduce.laboratory import Row
from glasscell.reproduce.problems import recall
from glasscell.reproduce.side_by_side import SEQUENCES, Entry, SideBySide, Test, mean_of, right
from glasscell.reproduce.today import Today
from glasscell.reproduce.today import recurrent as recurrent_layers

NAME = "recall"
TITLE = ("Recall: the first of 64 symbols", "回忆：64 个符号中的第一个")
SOURCE = (
    'README of github.com/hurjun/xLSTM (2026): "a vanilla LSTM trained identically never beats '
    'chance", in answer to Beck et al. (2024)'
)
COLUMNS = (("right", ("right, %", "答对，%")), SEQUENCES)
__all__ = ["COLUMNS", "NAME", "SOURCE", "TITLE", "curves", "rows", "run", "sentence", "trials"]

KINDS = 16
CHANCE = 100 / KINDS
BIAS = 5.0
"""Forget bias with which half of a cell is left after 103 steps; of bias 0 it is one step."""


class Claimed(torch.nn.Module):
    """The network of the claim: embedding, LSTM layers, layer norm, linear answer without bias.

    The embedding is a matrix that reads one-hot symbols, and starts as torch's embeddings do.
    """

    def __init__(self, options: Today, inputs: int, outputs: int) -> None:
        super().__init__()
        size = options.hidden_size
        self.embedding = Linear(inputs, size, bias=False)
        torch.nn.init.normal_(self.embedding.weight)
        self.recurrent = recurrent_layers(options, size)
        self.norm = torch.nn.LayerNorm(size)
        self.head = Linear(size, outputs, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Answer (T, B, O) to one-hot symbols (T, B, I)."""
        output, _ = self.recurrent(self.embedding(x))
        answers: torch.Tensor = self.head(self.norm(output))
        return answers

    def glasscell_node(self, child: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
        """Give the node of config.json, for `glasscell.save`."""
        parts = ("embedding", "recurrent", "norm", "head")
        return {"type": "Sequential", "children": [child(part) for part in parts]}


def _entry(
    length: int,
    bias: float | None,
    published: float | None = None,
    *,
    size: int = 64,
    layers: int = 2,
    steps: int = 1500,
    trials: int = 3,
    quick: int = 0,
) -> Entry:
    draw = partial(recall, length, kinds=KINDS, apart=False)
    start = "as stated" if bias is None else f"forget bias {bias:g}"
    return Entry(
        name=f"{length} steps, {layers} layers of {size}, {start}",
        options=Today(
            hidden_size=size,
            layers=layers,
            loss="classes",
            forget_bias=bias,
            rate=0.003,
            weight_decay=0.01,
            cosine=True,
            batch_size=64,
            steps=steps,
            enough=0.005,
        ),
        draw=draw,
        tests=(Test(column="right", draw=draw, measure=right, count=1024),),
        published={} if published is None else {"right": published},
        trials=trials,
        quick=quick,
        network_of=Claimed,
        differs=(
            "one seed was published; ours ends early at a validation loss of 0.005"
            if bias is None
            else f"the one change: forget biases start at {bias:g} in place of torch's numbers "
            "around 0"
        ),
    )


_ROWS = SideBySide(
    entries=(
        _entry(16, None, 6.1, steps=1100, quick=1),
        _entry(16, BIAS, steps=1100, quick=1),
        _entry(64, None, 6.8),
        _entry(64, None, 6.2, layers=3, trials=1),
        _entry(64, None, 7.0, size=96, trials=1),
        _entry(64, None, 6.5, size=128, trials=1),
        _entry(64, BIAS),
    ),
    better="more",
)
trials, run, rows, curves = _ROWS.trials, _ROWS.run, _ROWS.rows, _ROWS.curves


def sentence(rows: Sequence[Row]) -> tuple[str, str]:
    """Say who recalls."""
    for length in (64, 16):
        stated = mean_of(rows, f"{length} steps, 2 layers of 64, as stated", "right")
        mended = mean_of(rows, f"{length} steps, 2 layers of 64, forget bias {BIAS:g}", "right")
        if stated is not None and mended is not None:
            return (
                f"Over {length} steps the LSTM as stated tells {stated:.1f} % of the first "
                f"symbols, the same LSTM with forget bias {BIAS:g} {mended:.1f} %; chance is "
                f"{CHANCE:.2f} %.",
                f"经过 {length} 步，原设置的 LSTM 答对 {stated:.1f}%，同一 LSTM 把遗忘偏置设为 "
                f"{BIAS:g} 后答对 {mended:.1f}%；随机猜测为 {CHANCE:.2f}%。",
            )
    return "", ""
