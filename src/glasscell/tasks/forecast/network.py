"""The forecasting network: a recurrent layer beside a linear autoregression, and its plain twin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch

from glasscell.nn import LSTM, RNN, Linear
from glasscell.tasks.forecast.autoregression import LinearForecast

Kind = Literal["LSTM", "RNN"]


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
    ) -> None:
        super().__init__()
        layer = {"LSTM": LSTM, "RNN": RNN}[kind]
        self.lookback = lookback
        self.horizon = horizon
        self.recurrent = layer(channels, hidden_size, batch_first=True, device=device)
        self.head = Linear(hidden_size, horizon, device=device)
        self.skip = Linear(lookback, horizon, device=device)

    def forward(self, x: torch.Tensor, near: int | None = None) -> torch.Tensor:
        """Forecast.

        Args:
            x: (B, lookback, C) scaled windows.
            near: Rows, counted back from the last, that the recurrent layer reads; None: all.

        Returns:
            (B, horizon) scaled forecasts.
        """
        last = x[:, -1:, 0]
        z = torch.cat([x[:, :, :1] - last[:, :, None], x[:, :, 1:]], dim=2)
        output, _ = self.recurrent(z if near is None else z[:, -near:])
        forecast: torch.Tensor = last + self.skip(z[:, :, 0]) + self.head(output[:, -1])
        return forecast

    def start_from(self, linear: LinearForecast) -> None:
        """Start training at a fitted linear model: its weights on the skip, the head at zero."""
        with torch.no_grad():
            self.skip.weight.copy_(torch.from_numpy(linear.weight.astype(np.float32)))
            self.skip.bias.copy_(torch.from_numpy(linear.bias.astype(np.float32)))
            self.head.weight.zero_()
            self.head.bias.zero_()

    def glasscell_node(self, child: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
        """Give the node of config.json, for `glasscell.save`."""
        parts = {name: child(name) for name in ("recurrent", "head", "skip")}
        return {
            "type": "Forecaster",
            "lookback": self.lookback,
            "horizon": self.horizon,
            **parts,
        }


def count_parameters(
    kind: Kind, channels: int, hidden_size: int, lookback: int, horizon: int
) -> int:
    """Count the weights of a Forecaster without making one."""
    gates = {"LSTM": 4, "RNN": 1}[kind]
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
