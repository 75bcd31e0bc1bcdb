"""The network that forecasts a window, and how it is trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from glasscell import cells
from glasscell.arrays import Array
from glasscell.model.nodes.telling import Telling
from glasscell.nn import GRU, LSTM, RNN, Linear
from glasscell.tasks.forecast.heads import loss_of, start_spread, telling_of
from glasscell.tasks.forecast.layout import Ahead
from glasscell.tasks.forecast.linear import LinearForecast
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.plan import Plan
from glasscell.tasks.forecast.windows import Windows
from glasscell.training import distribution
from glasscell.training.kinds import KINDS, MODES, RATES, Kind
from glasscell.training.trainer import Batch, Loss, Schedule, Trainer

AVERAGE = 0.998
"""How much of the averaged weights stays at each step, once warmed up."""

SKIP_RATE = 0.1
"""Part of the learning rate that the skip takes: it starts at its optimum, the rest at nothing."""

WARM_UP = 0.15
"""Part of the steps over which the learning rate rises; over the rest it falls to nothing."""

SHORTEST = 3
"""Least lag that chrono takes: its biases are logarithms of 1 to lag - 1 steps."""

EVALUATION_BATCH = 1024

LAYERS = {"LSTM": LSTM, "GRU": GRU, "RNN": RNN}


class Forecaster(torch.nn.Module):
    """A direct multi-horizon forecast of channel 0 from the last `lookback` rows.

    With last = x[:, -1, 0] and z = x, last subtracted from channel 0::

        y = last + skip(z[:, :, 0]) + head(recurrent(z)[:, -1])

    Where channels are known ahead the recurrent layer goes on over the rows ahead, and with v for
    the numbers that are known of step k and p for those of the past::

        y_k = last + skip([z, p])_k + head(h_lookback)_k + known(v_k)_k + ahead(h_k)_k

    Args:
        kind: "LSTM", "GRU" or "RNN".
        channels: C, channels of a row.
        hidden_size: H of the recurrent layer.
        lookback: Rows of a window.
        horizon: Rows of the forecast.
        device: Where the weights live; default the CPU.
        known: Which channels are known ahead, and which hold codes; default none.
        tells: What the network tells beside the point; None: nothing.
        **start: How the recurrent layer starts, `init`, `forget_bias` or `lag`, as it takes them.

    Notes:
        A linear path beside a recurrent one follows LSTNet (Lai et al. 2018), subtracting the last
        value NLinear (Zeng et al. 2023). Without them an LSTM loses to ridge regression on small
        data.

    >>> sum(p.numel() for p in Forecaster("LSTM", 1, 2, lookback=3, horizon=1).parameters())
    47
    """

    numbers: torch.Tensor
    skipped: torch.Tensor
    owned: torch.Tensor

    def __init__(
        self,
        kind: Kind,
        channels: int,
        hidden_size: int,
        lookback: int,
        horizon: int,
        device: torch.device | str | None = None,
        known: Ahead | None = None,
        tells: Telling | None = None,
        **start: Any,
    ) -> None:
        super().__init__()
        sizes = Sizes(channels, lookback, horizon, known)
        self.lookback = lookback
        self.horizon = horizon
        self.sizes = sizes
        self.recurrent = LAYERS[kind](
            sizes.reads, hidden_size, batch_first=True, device=device, **start
        )
        self.head = Linear(hidden_size, horizon, device=device)
        self.skip = Linear(sizes.skips, horizon, device=device)
        if sizes.known:
            self.known = Linear(sizes.own, horizon, bias=False, device=device)
            self.ahead = Linear(hidden_size, horizon, bias=False, device=device)
        self.tells = tells
        if tells is not None:
            self.spread = Linear(hidden_size, horizon * tells.numbers, device=device)
        self.embeddings = torch.nn.ModuleList(
            torch.nn.Embedding(codes, embedding_width(codes), device=device)
            for _, codes in sizes.codes
        )
        if sizes.known or sizes.codes:
            for name, places in sizes.places().items():
                place = torch.tensor(places, dtype=torch.int64, device=device)
                self.register_buffer(name, place, persistent=False)

    def forward(self, x: torch.Tensor, near: int | None = None, tell: bool = False) -> torch.Tensor:
        """Forecast.

        Args:
            x: (B, lookback, C) scaled windows; (B, lookback + horizon, C) with what is known ahead.
            near: Rows, counted back from the last, that the recurrent layer reads; None: all.
            tell: Give what the network tells in place of the point.

        Returns:
            (B, horizon) scaled forecasts; (B, horizon, P) with `tell`.
        """
        past = self.lookback
        last = x[:, past - 1 : past, 0]
        change = x[:, :past, :1] - last[:, :, None]
        if not (self.sizes.known or self.sizes.codes):
            z = torch.cat([change, x[:, :, 1:]], dim=2)
            output, _ = self.recurrent(z if near is None else z[:, -near:])
            forecast: torch.Tensor = last + self.skip(z[:, :, 0]) + self.head(output[:, -1])
            return self._told(forecast, output[:, -1], tell)
        codes = [x[:, :, channel].long() for channel, _ in self.sizes.codes]
        parts = [torch.cat([change, x[:, past:, :1]], dim=1), x.index_select(2, self.numbers)]
        parts += [table(code) for table, code in zip(self.embeddings, codes, strict=True)]
        z = torch.cat(parts, dim=2)
        output, _ = self.recurrent(z if near is None else z[:, past - min(near, past) :])
        first = output.shape[1] - (x.shape[1] - past) - 1
        flat = x[:, :past].index_select(2, self.skipped).flatten(1)
        linear = self.skip(torch.cat([change[:, :, 0], flat], dim=1))
        forecast = last + linear + self.head(output[:, first])
        if self.sizes.known:
            own = self.known(x[:, past:].index_select(2, self.owned))
            later = self.ahead(output[:, first + 1 :])
            forecast = forecast + own.diagonal(dim1=1, dim2=2) + later.diagonal(dim1=1, dim2=2)
        return self._told(forecast, output[:, first], tell)

    def _told(self, point: torch.Tensor, hidden: torch.Tensor, tell: bool) -> torch.Tensor:
        if not tell or self.tells is None:
            return point
        told: torch.Tensor = self.tells.of(point, self.spread(hidden), torch)
        return told

    def start_from(self, linear: LinearForecast) -> None:
        """Start training at a fitted linear model: its weights on the skip, the head at zero."""
        with torch.no_grad():
            self.skip.weight.copy_(torch.from_numpy(linear.weight.astype(np.float32)))
            self.skip.bias.copy_(torch.from_numpy(linear.bias.astype(np.float32)))
            self.head.weight.zero_()
            self.head.bias.zero_()
            if linear.own is not None:
                self.known.weight.copy_(torch.from_numpy(linear.own.astype(np.float32)))
                self.ahead.weight.zero_()

    def linear_parts(self) -> list[torch.nn.Parameter]:
        """Give the weights of the linear path, which start at their optimum."""
        parts = [*self.skip.parameters()]
        return parts + (list(self.known.parameters()) if self.sizes.known else [])

    def glasscell_node(self, child: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
        """Give the node of config.json, for `glasscell.save`."""
        names = ("recurrent", "head", "skip") + ("known", "ahead") * bool(self.sizes.known)
        node = {"type": "Forecaster", "lookback": self.lookback, "horizon": self.horizon}
        if self.sizes.known or self.sizes.codes:
            node |= {
                "channels": self.sizes.channels,
                **self.sizes.places(),
                "codes": [channel for channel, _ in self.sizes.codes],
                "embeddings": [child(f"embeddings.{k}") for k in range(len(self.embeddings))],
            }
        if self.tells is not None:
            node |= {"spread": child("spread"), "tells": self.tells.node()}
        return node | {name: child(name) for name in names}


@dataclass(frozen=True)
class Sizes:
    """What the parts of a Forecaster read.

    Args:
        channels: C, channels of a row.
        lookback: Rows of a window.
        horizon: Rows of the forecast.
        ahead: Which channels are known ahead, and which hold codes.
        beside: Numbers of each step that are told beside the point.
    """

    channels: int
    lookback: int
    horizon: int
    ahead: Ahead | None = None
    beside: int = 0

    @property
    def known(self) -> int:
        """K, channels that are known ahead."""
        return 0 if self.ahead is None else self.ahead.known

    @property
    def codes(self) -> tuple[tuple[int, int], ...]:
        """Channels that hold a code, to the number of codes."""
        return () if self.ahead is None else self.ahead.codes

    def places(self) -> dict[str, list[int]]:
        """Give the channels that each part reads as numbers, beside the target.

        Returns:
            numbers: those of the recurrent layer; skipped: of the linear path, in the past; owned:
            of the linear path, ahead.
        """
        ahead = self.ahead or Ahead()
        coded = {channel for channel, _ in ahead.codes}
        return {
            "numbers": [c for c in range(1, self.channels) if c not in coded],
            "skipped": ahead.past(self.channels) if ahead.known else [],
            "owned": ahead.own(self.channels) if ahead.known else [],
        }

    @property
    def reads(self) -> int:
        """Width of the recurrent layer's input."""
        return self.channels + sum(embedding_width(codes) - 1 for _, codes in self.codes)

    @property
    def skips(self) -> int:
        """Width of what the linear path reads of the past."""
        return self.lookback * (1 + len(self.places()["skipped"]))

    @property
    def own(self) -> int:
        """Width of what the linear path reads of a step ahead."""
        return len(self.places()["owned"])

    def parameters(self, kind: Kind, hidden_size: int) -> int:
        """Count the weights of a Forecaster without making one."""
        gates = int(cells.of(MODES[kind]).gate_count)
        recurrent = gates * hidden_size * (self.reads + hidden_size + 2)
        ahead = self.horizon * (hidden_size + self.own) if self.known else 0
        tables = sum(codes * embedding_width(codes) for _, codes in self.codes)
        heads = self.horizon * (1 + self.beside) * (hidden_size + 1)
        heads += self.horizon * (self.skips + 1)
        return recurrent + heads + ahead + tables

    def twin(self, kind: Kind, hidden_size: int) -> int:
        """Find the hidden size that brings a plain RNN nearest to a network's parameter count.

        >>> Sizes(channels=1, lookback=24, horizon=12).twin("LSTM", 32)
        63
        """
        wanted = self.parameters(kind, hidden_size)
        sizes = range(1, 4 * hidden_size + 1)
        return min(sizes, key=lambda size: abs(self.parameters("RNN", size) - wanted))


def embedding_width(codes: int) -> int:
    """Give the width of an embedding: 1.6 times the 0.56th power, at most 32 (fastai's rule).

    >>> embedding_width(101)
    21
    """
    return min(32, round(1.6 * math.pow(codes, 0.56)))


class WindowObjective:
    """Mean absolute error of scaled forecasts, on windows cut by index from arrays in memory.

    Args:
        recipe: Windows and options.
        seed: Seed of the order of the windows.
        device: Where the network is trained.
    """

    def __init__(self, recipe: Recipe, seed: int, device: torch.device) -> None:
        self.recipe, self.device = recipe, device
        self.loss: Loss = loss_of(recipe.tells)
        train, options = recipe.train, recipe.options
        self.size, self.most = options.batch_size or 1, recipe.drawn
        self.steps = math.ceil(self.most / self.size)
        self.generator = torch.Generator().manual_seed(seed)
        self._values = torch.from_numpy(train.values).to(device)
        self._origins = torch.from_numpy(train.origins).to(device)
        rows = train.horizon if train.known else 0
        self._rows = torch.arange(-train.lookback, rows, device=device)
        self._ahead = torch.arange(train.horizon, device=device)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Cut the windows of an epoch, of which there may be fewer than there are windows."""
        train = self.recipe.train
        order = torch.randperm(len(self._origins), generator=self.generator)
        options: dict[str, Any] = {} if self.recipe.tells is None else {"tell": True}
        if epoch < self.recipe.near_epochs:
            options["near"] = self.recipe.options.near
        for rows in torch.split(order[: self.most], self.size):
            origins = self._origins[rows.to(self.device)][:, None]
            inputs, targets = self._values[origins + self._rows], origins + self._ahead
            if train.known:
                inputs[:, train.lookback :, : -1 - train.known] = 0.0
                inputs[:, train.lookback :, -1] = 1.0
            yield Batch(inputs, self._values[targets, 0], options)

    def error(self, network: torch.nn.Module) -> float:
        """Mean absolute error on scaled validation windows, which the network reads whole.

        Of a network that tells more than a point what it is trained on, in its place.
        """
        windows = self.recipe.validation
        if self.recipe.tells is not None:
            told = torch.from_numpy(tell(network, windows, self.device))
            return float(self.loss(told, torch.from_numpy(windows.targets())))
        return float(np.mean(abs(predict(network, windows, self.device) - windows.targets())))


@dataclass(frozen=True, eq=False)
class Recipe:
    """What the networks of one run have in common.

    Args:
        options: The resolved options.
        channels: C, channels of a row.
        train: Windows to fit.
        validation: Windows that decide which epoch is kept.
        linear: The linear model that every network's skip starts from.
        fingerprint: Digest of options and data.
        lag: Steps back that the data help, for chrono; None: not known.
    """

    options: ForecastOptions
    channels: int
    train: Windows
    validation: Windows
    linear: LinearForecast
    fingerprint: str
    lag: int | None = None

    @classmethod
    def of(cls, plan: Plan, linear: LinearForecast) -> Recipe:
        """Take what training needs from a plan."""
        lag = None if plan.lag is None else plan.lag.back
        return cls(
            plan.options,
            len(plan.channels),
            plan.once(plan.train),
            plan.once(plan.validation),
            linear,
            plan.fingerprint(),
            lag,
        )

    @property
    def tells(self) -> Telling | None:
        """What the networks tell beside a point."""
        return telling_of(self.options)

    @property
    def drawn(self) -> int:
        """Windows of an epoch."""
        return min(len(self.train), self.options.epoch_windows or self.options.max_windows)

    @property
    def sizes(self) -> Sizes:
        """What the parts of the networks read."""
        train, beside = self.train, 0 if self.tells is None else self.tells.numbers
        return Sizes(self.channels, train.lookback, train.horizon, train.ahead, beside)

    @property
    def epochs(self) -> int:
        """The most epochs of a network."""
        return self.options.epochs

    @property
    def film(self) -> int | None:
        """Training steps between two frames of the film."""
        return self.options.film

    @property
    def near_epochs(self) -> int:
        """Epochs in which the recurrent layer reads near rows alone: three quarters, or none.

        What is near is learnt first, and faster: a step of the demo's LSTM takes 3.3 ms in place of
        8.8, at the same errors in the end (docs/decisions/demo.md).
        """
        return 0 if self.options.near is None else 3 * self.epochs // 4

    @property
    def work(self) -> float:
        """Products of a weight and a number that training all networks takes."""
        options = self.options
        weights = 4 * options.hidden_size * (options.hidden_size + self.sizes.reads)
        rows = self.train.lookback + (self.train.horizon if self.train.known else 0)
        steps = 2 * options.seeds * options.epochs * self.drawn * rows
        return 3.0 * steps * weights

    def round_of(self, seed: int) -> int:
        """Give the number of the fit that a seed trains for: all train for the only one."""
        return 0

    def start(self, kind: Kind) -> dict[str, Any]:
        """Say how the recurrent layer starts; a plain RNN has no gate that keeps."""
        bias = self.options.forget_bias
        if bias is None or kind == "RNN":
            return {}
        if bias == "chrono":
            return {"init": "chrono", "lag": max(self.lag or self.train.lookback, SHORTEST)}
        return {"forget_bias": bias}

    def network(self, kind: Kind, seed: int) -> Forecaster:
        """Make a network with the initial weights of a seed; the global random state stays."""
        size, train, cell = self.options.hidden_size, self.train, KINDS[self.options.cell]
        if kind != cell:
            size = self.sizes.twin(cell, size)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = Forecaster(
                kind,
                self.channels,
                size,
                train.lookback,
                train.horizon,
                known=train.ahead,
                tells=self.tells,
                **self.start(kind),
            )
        network.start_from(self.linear)
        if network.tells is not None:
            windows = train.thinned(EVALUATION_BATCH)
            with torch.no_grad():
                errors = windows.targets() - network(torch.from_numpy(windows.inputs())).numpy()
            start_spread(network.spread, network.tells, errors)
        return network

    def trainer(self, kind: Kind, seed: int) -> Trainer:
        """Make a network ready for training, on the device that accelerate chooses."""
        device = distribution.device()
        network = self.network(kind, seed).to(device)
        objective = WindowObjective(self, seed, device)
        rate = self.options.learning_rate * RATES[kind]
        linear = network.linear_parts()
        fresh = [p for p in network.parameters() if not any(p is other for other in linear)]
        groups = [{"params": fresh, "lr": rate}, {"params": linear, "lr": rate * SKIP_RATE}]
        # fused: a third of a millisecond a step; small networks take two.
        optimizer = torch.optim.Adam(groups, fused=True)
        rates = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            [rate, rate * SKIP_RATE],
            total_steps=self.epochs * objective.steps,
            pct_start=WARM_UP,
            cycle_momentum=False,
        )
        schedule = Schedule(
            epochs=self.epochs,
            patience=self.options.patience,
            # Validation reads all rows, so patience begins when training does.
            patient_from=self.near_epochs,
            average=AVERAGE,
            keep_start=True,
        )
        return Trainer(network, objective, optimizer, schedule, rates, self.film)


def predict(
    network: torch.nn.Module, windows: Windows, device: torch.device | str = "cpu"
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Forecast all windows in batches: (M, horizon) scaled values."""
    return _run(network, windows, device, {})


def tell(
    network: torch.nn.Module, windows: Windows, device: torch.device | str = "cpu"
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Give all that a network tells of all windows: (M, horizon, P), scaled."""
    return _run(network, windows, device, {"tell": True})


def _run(
    network: torch.nn.Module,
    windows: Windows,
    device: torch.device | str,
    options: dict[str, bool],
) -> np.ndarray[Any, np.dtype[np.float32]]:
    own = getattr(network, "horizon", None)
    steps = own if isinstance(own, int) else windows.horizon

    def run(inputs: Array) -> Array:
        output: Array = network(torch.from_numpy(inputs).to(device), **options).cpu().numpy()
        return output

    with torch.no_grad():
        told = [
            windows.told_by(run, steps, slice(first, first + EVALUATION_BATCH))
            for first in range(0, max(len(windows), 1), EVALUATION_BATCH)
        ]
    return np.concatenate(told)
