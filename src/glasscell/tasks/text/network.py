"""The network that foretells the next symbol, how its streams are cut, and how it is trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from glasscell import cells
from glasscell.arrays import Array
from glasscell.nn import GRU, LSTM, RNN, Linear
from glasscell.tasks.text.options import TextOptions
from glasscell.tasks.text.plan import Plan
from glasscell.training import distribution
from glasscell.training.kinds import KINDS, MODES, RATES, Kind
from glasscell.training.trainer import Batch, Loss, Schedule, Trainer

WARM_UP = 0.1
"""Part of the steps over which the learning rate rises; over the rest it falls to nothing."""

AT_ONCE = 4096
"""Steps of a stream that are scored in one call."""

BITS = 1 / math.log(2)

CLIP = 1.5
"""Largest norm of a gradient of bits."""


class TextNetwork(torch.nn.Module):
    """Scores of every symbol to come next: ``head(dropout(recurrent(embedding(x))))``.

    Args:
        kind: "LSTM", "GRU" or "RNN".
        symbols: V, of the vocabulary.
        hidden_size: H of a recurrent layer.
        layers: How many of them.

    >>> network = TextNetwork("LSTM", symbols=5, hidden_size=3)
    >>> network(torch.tensor([[0, 4, 1]])).shape
    torch.Size([1, 3, 5])
    """

    def __init__(self, kind: Kind, symbols: int, hidden_size: int, layers: int = 1) -> None:
        super().__init__()
        layer = {"LSTM": LSTM, "GRU": GRU, "RNN": RNN}[kind]
        width = embedding_size(symbols)
        self.embedding = torch.nn.Embedding(symbols, width)
        self.recurrent = layer(width, hidden_size, layers, batch_first=True)
        self.head = Linear(hidden_size, symbols)
        self.carried = self.start(0)

    def forward(
        self,
        x: torch.Tensor,
        state: torch.Tensor | None = None,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Give the scores (B, T, V) of the symbols after each of x (B, T).

        Args:
            x: Indices.
            state: (B, N, H) what the recurrent layers start from; where it is given, `carried`
                becomes the state at the end, cut off from its gradients.
            mask: (B, 1, H) what the outputs are multiplied with: dropout, the same at every step.
        """
        if state is None:
            output, _ = self.recurrent(self.embedding(x))
        else:
            states = state.transpose(0, 1).contiguous()
            parts = torch.split(states, self.recurrent.num_layers)
            first = parts if len(parts) > 1 else parts[0]
            output, last = self.recurrent(self.embedding(x), first)
            whole = torch.cat(last) if isinstance(last, tuple) else last
            self.carried = whole.detach().transpose(0, 1)
        scores: torch.Tensor = self.head(output if mask is None else output * mask)
        return scores

    def start(self, streams: int) -> torch.Tensor:
        """Give the state (B, N, H) of so many streams that have read nothing.

        N is the number of layers, twice that for an LSTM: hidden states, then cell states.
        """
        layer = self.recurrent
        states = layer.num_layers * (2 if isinstance(layer, LSTM) else 1)
        return self.head.weight.new_zeros(streams, states, layer.hidden_size)

    def glasscell_node(self, child: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
        """Give the node of config.json, for `glasscell.save`."""
        parts = [child(name) for name in ("embedding", "recurrent", "head")]
        return {"type": "Sequential", "children": parts}


def embedding_size(symbols: int) -> int:
    """Give the width of the embedding: 32 for an alphabet, more for thousands of symbols.

    >>> embedding_size(100), embedding_size(5000)
    (32, 128)
    """
    return 32 if symbols <= 256 else 64 if symbols <= 1024 else 128


def count_parameters(kind: Kind, symbols: int, hidden_size: int, layers: int = 1) -> int:
    """Count the weights of a `TextNetwork` without making one.

    >>> count_parameters("LSTM", 5, 3) == sum(
    ...     weight.numel() for weight in TextNetwork("LSTM", 5, 3).parameters())
    True
    """
    gates, width = cells.of(MODES[kind]).gate_count, embedding_size(symbols)
    first = gates * hidden_size * (width + hidden_size + 2)
    more = (layers - 1) * gates * hidden_size * (2 * hidden_size + 2)
    return symbols * width + first + more + symbols * (hidden_size + 1)


def twin_hidden_size(kind: Kind, symbols: int, hidden_size: int, layers: int = 1) -> int:
    """Find the hidden size that brings a plain RNN nearest to another network's parameter count.

    >>> twin_hidden_size("LSTM", symbols=100, hidden_size=256)
    505
    """
    wanted = count_parameters(kind, symbols, hidden_size, layers)
    return min(
        range(1, 4 * hidden_size + 1),
        key=lambda size: abs(count_parameters("RNN", symbols, size, layers) - wanted),
    )


def pace(step: int, total: int) -> float:
    """Give the part of the learning rate at a step: up in a line, then down as half a cosine.

    >>> [round(pace(step, total=20), 2) for step in (0, 1, 2, 11, 20)]
    [0.5, 1.0, 1.0, 0.5, 0.0]
    """
    rising = max(round(WARM_UP * total), 1)
    if step < rising:
        return (step + 1) / rising
    return 0.5 + 0.5 * math.cos(math.pi * min((step - rising) / max(total - rising, 1), 1.0))


def cross_entropy(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean bits that the symbols (B, T) cost under the scores (B, T, V)."""
    nats = torch.nn.functional.cross_entropy(scores.flatten(0, 1), targets.flatten())
    return nats * BITS


class StreamObjective:
    """Bits per symbol of streams that lie side by side in the text and carry their state on.

    Args:
        recipe: Text and options.
        seed: Seed of where the streams begin, and of dropout.
        network: What is trained; it keeps the state between two pieces.
        device: Where.
    """

    def __init__(
        self, recipe: Recipe, seed: int, network: TextNetwork, device: torch.device
    ) -> None:
        self.recipe, self.network, self.device = recipe, network, device
        self.loss: Loss = cross_entropy
        options = recipe.options
        assert options.truncation is not None
        self.piece, self.streams = options.truncation, options.batch_size or 1
        size = min(len(recipe.train) - 1, options.max_symbols)
        self.steps = max(size // (self.streams * self.piece), 1)
        self.generator = torch.Generator().manual_seed(seed)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Cut the pieces of an epoch, each of which goes on where the one before ended.

        The streams begin at equal distances from a place that is drawn anew, and go on at the
        beginning of the text where it ends. The dropout of a stream stays for a piece.
        """
        train, state = self.recipe.train, self.network.start(self.streams)
        streams = torch.arange(self.streams)
        # Of a launcher's processes each carries on the state of its own streams alone.
        mine = Batch(streams, streams).share(distribution.rank(), distribution.size()).inputs
        place = int(torch.randint(len(train), (), generator=self.generator))
        first = place + np.arange(self.streams)[:, None] * (len(train) // self.streams)
        ahead, dropout = np.arange(self.piece + 1), self.recipe.options.dropout or 0.0
        shape = (self.streams, 1, self.network.recurrent.hidden_size)
        for step in range(self.steps):
            rows = train[(first + step * self.piece + ahead) % len(train)].astype(np.int64)
            read = torch.from_numpy(rows).to(self.device)
            options = {"state": state.clone()}
            if dropout:
                kept = torch.rand(shape, generator=self.generator) >= dropout
                options["mask"] = (kept / (1 - dropout)).to(self.device)
            yield Batch(read[:, :-1], read[:, 1:], options)
            if len(mine):
                state[mine] = self.network.carried

    def error(self, network: torch.nn.Module) -> float:
        """Bits per symbol of the validation part, read as one stream."""
        return float(np.mean(bits(network, self.recipe.validation)))


@dataclass(frozen=True, eq=False)
class Recipe:
    """What the networks of one run have in common.

    Args:
        options: The resolved options.
        symbols: V, of the vocabulary.
        train: Indices to learn from.
        validation: Indices that decide which epoch is kept.
        fingerprint: Digest of options and data.
    """

    options: TextOptions
    symbols: int
    train: Array
    validation: Array
    fingerprint: str

    @classmethod
    def of(cls, plan: Plan) -> Recipe:
        """Take what training needs from a plan."""
        symbols = len(plan.vocabulary)
        return cls(plan.options, symbols, plan.train, plan.validation, plan.fingerprint())

    @property
    def epochs(self) -> int:
        """The most epochs of a network."""
        assert self.options.epochs is not None
        return self.options.epochs

    @property
    def film(self) -> int | None:
        """Training steps between two frames of the film."""
        return self.options.film

    @property
    def work(self) -> float:
        """Products of a weight and a number that training all networks takes."""
        weights = count_parameters(*self._sizes(KINDS[self.options.cell]))
        read = min(len(self.train), self.options.max_symbols) * self.epochs
        return 3.0 * 2 * self.options.seeds * read * weights

    def _sizes(self, kind: Kind) -> tuple[Kind, int, int, int]:
        size, layers, own = self.options.hidden_size or 1, self.options.layers, self.options.cell
        if kind != KINDS[own]:
            size = twin_hidden_size(KINDS[own], self.symbols, size, layers)
        return kind, self.symbols, size, layers

    def network(self, kind: Kind, seed: int) -> TextNetwork:
        """Make a network with the initial weights of a seed; the global random state stays."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = TextNetwork(*self._sizes(kind))
            # At torch's deviation of 1 an embedding drowns what the state tells at first.
            torch.nn.init.normal_(network.embedding.weight, std=0.3)
        return network

    def trainer(self, kind: Kind, seed: int) -> Trainer:
        """Make a network ready for training, on the device that accelerate chooses."""
        device = distribution.device()
        network = self.network(kind, seed).to(device)
        objective = StreamObjective(self, seed, network, device)
        rate = self.options.learning_rate * RATES[kind]
        optimizer = torch.optim.Adam(network.parameters(), lr=rate, fused=True)
        total = self.epochs * objective.steps
        rates = torch.optim.lr_scheduler.LambdaLR(optimizer, partial(pace, total=total))
        schedule = Schedule(epochs=self.epochs, patience=self.options.patience, clip=CLIP)
        return Trainer(network, objective, optimizer, schedule, rates, self.film)


def bits(network: torch.nn.Module, indices: Array, history: Array | None = None) -> Array:
    """Give the bits that each symbol costs, read as one stream whose state is carried on.

    Args:
        network: A `TextNetwork`.
        indices: (S,) the symbols.
        history: What was read before them and is not scored; None: nothing, and the first symbol,
            which nothing foretells, costs log2 V.

    Returns:
        (S,) float32.
    """
    before = np.zeros(0, np.int64) if history is None else history
    text = torch.from_numpy(np.concatenate([before, indices]).astype(np.int64))
    device = next(network.parameters()).device
    state, costs = network.start(1), []  # type: ignore[operator]
    with torch.no_grad():
        for first in range(0, len(text) - 1, AT_ONCE):
            read = text[first : first + AT_ONCE + 1].to(device)
            scores = network(read[None, :-1], state)[0]
            state = network.carried
            costs.append(torch.nn.functional.cross_entropy(scores, read[1:], reduction="none"))
    cost = torch.cat(costs).cpu().numpy() * BITS if costs else np.zeros(0, np.float32)
    if history is None:
        symbols = network.head.out_features  # type: ignore[union-attr]
        return np.concatenate([[math.log2(symbols)], cost]).astype(np.float32)  # type: ignore
    return cost[len(before) - 1 :].astype(np.float32)
