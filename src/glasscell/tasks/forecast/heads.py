"""Heads that tell more than a point: what they are trained on, and where that begins."""

from __future__ import annotations

import numpy as np
import torch

from glasscell.arrays import Array
from glasscell.model.nodes.telling import LEAST_DEGREES, LEAST_SCALE, QUANTILES, STUDENT_T, Telling
from glasscell.tasks.forecast.intervals import quantiles_of
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.training.trainer import Loss

__all__ = ["MEASURES", "loss_of", "start_spread", "telling_of"]

DEGREES = 5.0
"""Degrees of freedom that training starts at."""
MEASURES = {"point": "mae_scaled", QUANTILES: "pinball_scaled", STUDENT_T: "nll_scaled"}
"""What is trained on, as the log calls it."""


def telling_of(options: ForecastOptions) -> Telling | None:
    """Give what a network is to tell; None: a point."""
    if options.predicts == "point":
        return None
    levels = options.level if options.predicts == QUANTILES else ()
    return Telling(options.predicts, quantiles_of(levels) if levels else ())


def loss_of(tells: Telling | None) -> Loss:
    """Give what training makes small: of told and true values, a mean.

    Notes:
        Points: absolute error. Quantiles: twice the pinball loss (Koenker & Bassett 1978), a mean
        over quantiles, so that the median alone would give the absolute error. Student-t: negative
        log likelihood. Where a film shows the network's points, absolute error.
    """
    if tells is None:
        return torch.nn.functional.l1_loss

    def loss(told: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        if told.ndim == truth.ndim:
            return torch.nn.functional.l1_loss(told, truth)
        return pinball(told, truth, tells) if tells.quantiles else surprise(told, truth)

    return loss


def pinball(told: torch.Tensor, truth: torch.Tensor, tells: Telling) -> torch.Tensor:
    """Twice the mean pinball loss of quantiles: 2 max(q (y - ŷ), (q - 1) (y - ŷ)).

    Args:
        told: (B, horizon, P) quantiles.
        truth: (B, horizon) true values.
        tells: Which quantiles.
    """
    levels = told.new_tensor(tells.quantiles)
    apart = truth[..., None] - told
    return 2 * torch.maximum(levels * apart, (levels - 1) * apart).mean()


def surprise(told: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Mean negative log likelihood of Student-t distributions, in nats.

    Args:
        told: (B, horizon, 3) location, scale and degrees of freedom.
        truth: (B, horizon) true values.
    """
    location, scale, degrees = told.unbind(-1)
    told_of = torch.distributions.StudentT(degrees, location, scale)
    mean: torch.Tensor = -told_of.log_prob(truth).mean()  # type: ignore[no-untyped-call]
    return mean


def start_spread(spread: torch.nn.Linear, tells: Telling, errors: Array) -> None:
    """Start the layer at the errors of the linear model that training starts from.

    Args:
        spread: The layer: its weights become 0, its biases what gives the errors' own spread.
        tells: What it is to tell.
        errors: (m, horizon) errors of the linear model in training.
    """
    if tells.quantiles:
        low, middle = tells.quantiles[: len(tells.quantiles) // 2], 0.5
        sizes = np.array([np.quantile(abs(errors), 1 - 2 * q, axis=0) for q in (*low, middle)])
        gaps = sizes[:-1] - sizes[1:]  # outermost first
        wanted = np.concatenate([gaps, gaps[::-1]]).T
    else:
        scale = np.median(abs(errors), axis=0) - LEAST_SCALE
        wanted = np.stack([scale, np.full_like(scale, DEGREES - LEAST_DEGREES)], axis=1)
    with torch.no_grad():
        spread.weight.zero_()
        spread.bias.copy_(torch.from_numpy(_before(wanted).ravel().astype(np.float32)))


def _before(wanted: Array) -> Array:
    """Undo s(x) of `Telling`; what is next to nothing begins at a thousandth."""
    wanted = np.maximum(wanted, 1e-3)
    before: Array = np.where(wanted > 1, wanted - 1, 1 - 1 / np.minimum(wanted, 1))
    return before
