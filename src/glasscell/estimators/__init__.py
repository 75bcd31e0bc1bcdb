"""LSTMs by the rules of scikit-learn, sktime and aeon: fit, predict, cross-validate, tune."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glasscell.estimators.aeon_adapters import AeonLSTMClassifier, AeonLSTMRegressor
    from glasscell.estimators.classifier import LSTMClassifier
    from glasscell.estimators.forecaster import LSTMForecaster
    from glasscell.estimators.regressor import LSTMRegressor
    from glasscell.estimators.sktime_adapters import SktimeLSTMClassifier, SktimeLSTMRegressor
    from glasscell.estimators.sktime_forecaster import SktimeLSTMForecaster

__all__ = [
    "AeonLSTMClassifier",
    "AeonLSTMRegressor",
    "LSTMClassifier",
    "LSTMForecaster",
    "LSTMRegressor",
    "SktimeLSTMClassifier",
    "SktimeLSTMForecaster",
    "SktimeLSTMRegressor",
]

_LAZY = {
    "AeonLSTMClassifier": "glasscell.estimators.aeon_adapters",
    "AeonLSTMRegressor": "glasscell.estimators.aeon_adapters",
    "LSTMClassifier": "glasscell.estimators.classifier",
    "LSTMForecaster": "glasscell.estimators.forecaster",
    "LSTMRegressor": "glasscell.estimators.regressor",
    "SktimeLSTMClassifier": "glasscell.estimators.sktime_adapters",
    "SktimeLSTMForecaster": "glasscell.estimators.sktime_forecaster",
    "SktimeLSTMRegressor": "glasscell.estimators.sktime_adapters",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'glasscell.estimators' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_LAZY[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
