"""Forecasting: windows of regular series in, an honest table and a run folder out.

`fit` is found on first use: its options alone, which the command line reads, need no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glasscell.tasks.forecast.fitting import FitResult, fit
    from glasscell.tasks.forecast.options import ForecastOptions

__all__ = ["FitResult", "ForecastOptions", "fit"]

_PLACES = {"FitResult": "fitting", "ForecastOptions": "options", "fit": "fitting"}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
