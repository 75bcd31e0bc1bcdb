"""The network that forecasts a window, and how it is trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from glasscell import cells
from glasscell.model.nodes.telling import Telling
from glasscell.nn import LSTM, RNN, Linear
from glasscell.tasks.forecast.heads import loss_of, start_spread, telling_of
from glasscell.tasks.forecast.linear import LinearForecast
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.plan import Plan
from glasscell.tasks.forecast.windows import Windows
from glasscell.training import distribution
from glasscell.training.kinds import MODES, RATES, Kind
from glasscell.training.trainer import Batch, Loss, Schedule, Trainer

AVERAGE = 0.998
"""How much of the averaged weights stays at each step, once warmed up."""

SKIP_RATE = 0.1
"""Part of the learning rate that the skip takes: it starts at its optimum, the rest at nothing."""

WARM_UP = 0.15
"""Part of the steps over which the learning rate rises; over the rest it falls to nothing."""

EVALUATION_BATCH = 1024


class Forecaster(torch.nn.Module):
    """A direct multi-horizon forecast of channel 0 from the last `lookback` rows.

    With last = x[:, -1, 0] and z = x, last subtracted from channel 0::

        y = last + skip(z[:, :, 0]) + head(recurrent(z)[:, -1])

    Args:
        kind: "LSTM" or "RNN".
        channels: C, channels of a row.
        hidden_size: H of the recurrent layer.
        lookback: Rows of a window.
        horizon: Rows of the forecast.
        device: Where the weights live; default the CPU.
        tells: What the network tells beside the point; None: nothing.

    Notes:
        A linear path beside a recurrent one follows LSTNet (Lai et al. 2018), subtracting the last
        value NLinear (Zeng et al. 2023). Without them an LSTM loses to ridge regression on small
        data.

    >>> sum(p.numel() for p in Forecaster("LSTM", 1, 2, lookback=3, horizon=1).parameters())
    47
    """

    def __init__(
        self,
        kind: Kind,
        channels: int,
        hidden_size: int,
        lookback: int,
        horizon: int,
        device: torch.device | str | None = None,
        tells: Telling | None = None,
    ) -> None:
        super().__init__()
        layer = {"LSTM": LSTM, "RNN": RNN}[kind]
        self.lookback = lookback
        self.horizon = horizon
        self.recurrent = layer(channels, hidden_size, batch_first=True, device=device)
        self.head = Linear(hidden_size, horizon, device=device)
        self.skip = Linear(lookback, horizon, device=device)
        self.tells = tells
        if tells is not None:
            self.spread = Linear(hidden_size, horizon * tells.numbers, device=device)

    def forward(self, x: torch.Tensor, near: int | None = None, tell: bool = False) -> torch.Tensor:
        """Forecast.

        Args:
            x: (B, lookback, C) scaled windows.
            near: Rows, counted back from the last, that the recurrent layer reads; None: all.
            tell: Give what the network tells in place of the point.

        Returns:
            (B, horizon) scaled forecasts; (B, horizon, P) with `tell`.
        """
        last = x[:, -1:, 0]
        z = torch.cat([x[:, :, :1] - last[:, :, None], x[:, :, 1:]], dim=2)
        output, _ = self.recurrent(z if near is None else z[:, -near:])
        forecast: torch.Tensor = last + self.skip(z[:, :, 0]) + self.head(output[:, -1])
        if not tell or self.tells is None:
            return forecast
        told: torch.Tensor = self.tells.of(forecast, self.spread(output[:, -1]), torch)
        return told

    def start_from(self, linear: LinearForecast) -> None:
        """Start training at a fitted linear model: its weights on the skip, the head at zero."""
        with torch.no_grad():
            self.skip.weight.copy_(torch.from_numpy(linear.weight.astype(np.float32)))
            self.skip.bias.copy_(torch.from_numpy(linear.bias.astype(np.float32)))
            self.head.weight.zero_()
            self.head.bias.zero_()

    def glasscell_node(self, child: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
        """Give the node of config.json, for `glasscell.save`."""
        more = () if self.tells is None else ("spread",)
        parts = {name: child(name) for name in ("recurrent", "head", "skip", *more)}
        return {
            "type": "Forecaster",
            "lookback": self.lookback,
            "horizon": self.horizon,
            **parts,
            **({} if self.tells is None else {"tells": self.tells.node()}),
        }


def count_parameters(
    kind: Kind, channels: int, hidden_size: int, lookback: int, horizon: int
) -> int:
    """Count the weights of a Forecaster without making one."""
    gates = cells.of(MODES[kind]).gate_count
    recurrent = gates * hidden_size * (channels + hidden_size + 2)
    return recurrent + horizon * (hidden_size + 1) + horizon * (lookback + 1)


def twin_hidden_size(channels: int, hidden_size: int, lookback: int, horizon: int) -> int:
    """Find the hidden size that brings a plain RNN nearest to the LSTM's parameter count.

    >>> twin_hidden_size(channels=1, hidden_size=32, lookback=24, horizon=12)
    63
    """
    wanted = count_parameters("LSTM", channels, hidden_size, lookback, horizon)
    return min(
        range(1, 4 * hidden_size + 1),
        key=lambda size: abs(count_parameters("RNN", channels, size, lookback, horizon) - wanted),
    )


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
        self.size, self.most = options.batch_size or 1, options.max_windows
        self.steps = math.ceil(min(len(train), self.most) / self.size)
        self.generator = torch.Generator().manual_seed(seed)
        self._values = torch.from_numpy(train.values).to(device)
        self._origins = torch.from_numpy(train.origins).to(device)
        self._back = torch.arange(-train.lookback, 0, device=device)
        self._ahead = torch.arange(train.horizon, device=device)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Cut the windows of an epoch, of which there may be fewer than there are windows."""
        order = torch.randperm(len(self._origins), generator=self.generator)
        near: dict[str, Any] = {} if self.recipe.tells is None else {"tell": True}
        near |= {"near": self.recipe.options.near} if epoch < self.recipe.near_epochs else {}
        for rows in torch.split(order[: self.most], self.size):
            origins = self._origins[rows.to(self.device)][:, None]
            inputs, targets = self._values[origins + self._back], origins + self._ahead
            yield Batch(inputs, self._values[targets, 0], near)

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
    """

    options: ForecastOptions
    channels: int
    train: Windows
    validation: Windows
    linear: LinearForecast
    fingerprint: str

    @classmethod
    def of(cls, plan: Plan, linear: LinearForecast) -> Recipe:
        """Take what training needs from a plan."""
        channels = len(plan.channels)
        return cls(plan.options, channels, plan.train, plan.validation, linear, plan.fingerprint())

    @property
    def tells(self) -> Telling | None:
        """What the networks tell beside a point."""
        return telling_of(self.options)

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
        windows = min(len(self.train), options.max_windows)
        weights = 4 * options.hidden_size * (options.hidden_size + self.channels)
        steps = 2 * options.seeds * options.epochs * windows * self.train.lookback
        return 3.0 * steps * weights

    def network(self, kind: Kind, seed: int) -> Forecaster:
        """Make a network with the initial weights of a seed; the global random state stays."""
        size, lookback, horizon = self.options.hidden_size, self.train.lookback, self.train.horizon
        if kind == "RNN":
            size = twin_hidden_size(self.channels, size, lookback, horizon)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = Forecaster(kind, self.channels, size, lookback, horizon, tells=self.tells)
        network.start_from(self.linear)
        if network.tells is not None:
            windows = self.train.thinned(EVALUATION_BATCH)
            errors = windows.targets() - self.linear.forecast(windows.inputs()[:, :, :1])
            start_spread(network.spread, network.tells, errors)
        return network

    def trainer(self, kind: Kind, seed: int) -> Trainer:
        """Make a network ready for training, on the device that accelerate chooses."""
        device = distribution.device()
        network = self.network(kind, seed).to(device)
        objective = WindowObjective(self, seed, device)
        rate = self.options.learning_rate * RATES[kind]
        fresh = [*network.recurrent.parameters(), *network.head.parameters()]
        fresh += [] if network.tells is None else network.spread.parameters()
        groups = [
            {"params": fresh, "lr": rate},
            {"params": list(network.skip.parameters()), "lr": rate * SKIP_RATE},
        ]
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
    told = []
    with torch.no_grad():
        for first in range(0, max(len(windows), 1), EVALUATION_BATCH):
            inputs = windows.inputs(slice(first, first + EVALUATION_BATCH))
            output = network(torch.from_numpy(inputs).to(device), **options)
            told.append(output.cpu().numpy())
    return np.concatenate(told)
