"""The LSTM you can see through.

::

    from glasscell.nn import LSTM                    # torch.nn.LSTM, faster, the same numbers
    with glasscell.trace(model) as trace: model(x)   # every gate of every unit at every step
    flow = glasscell.gradient_flow(model, x, loss)   # how far gradients travel back in time
    glasscell.save(module, "folder")                 # config.json and model.safetensors
    model = glasscell.load("folder")                 # runs without torch: model.run, .stream, .pool
    glasscell.compress("folder", "small", "int8")    # the same model in a quarter of the bytes
    glasscell.estimators.LSTMClassifier().fit(X, y)  # by the rules of scikit-learn
    glasscell.Forecaster.load("run").predict(frame)  # a run of glasscell fit, without torch

All names are found on first use, so that what needs torch (`save`, `convert`, `restore`, `trace`,
`glasscell.nn`) costs nothing where there is none: `import glasscell`, `load` and what it gives need
NumPy and safetensors only, and so does `gradient_flow` of that.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from glasscell.errors import (
    DataError,
    DtypeError,
    GlasscellError,
    ShapeError,
    WeightFormatError,
)

if TYPE_CHECKING:
    from glasscell import estimators, gates, inspect, nn, reference, storage, weights
    from glasscell.engine import cpu_info, get_num_threads, set_num_threads
    from glasscell.inspect.tracing import gradient_flow, trace
    from glasscell.model.compress import compress
    from glasscell.model.model import Model, Run, load
    from glasscell.model.pool import StreamPool
    from glasscell.model.stream import Stream
    from glasscell.nn.convert import convert, restore
    from glasscell.nn.fallback import SlowPathWarning
    from glasscell.nn.saving import save
    from glasscell.tasks.forecast.predict import Forecaster

__all__ = [
    "DataError",
    "DtypeError",
    "Forecaster",
    "GlasscellError",
    "Model",
    "Run",
    "ShapeError",
    "SlowPathWarning",
    "Stream",
    "StreamPool",
    "WeightFormatError",
    "compress",
    "convert",
    "cpu_info",
    "estimators",
    "gates",
    "get_num_threads",
    "gradient_flow",
    "inspect",
    "load",
    "nn",
    "reference",
    "restore",
    "save",
    "set_num_threads",
    "storage",
    "trace",
    "weights",
]

__version__ = "0.1.0"

_LAZY = {
    "Forecaster": "glasscell.tasks.forecast.predict",
    "Model": "glasscell.model.model",
    "Run": "glasscell.model.model",
    "SlowPathWarning": "glasscell.nn.fallback",
    "Stream": "glasscell.model.stream",
    "StreamPool": "glasscell.model.pool",
    "compress": "glasscell.model.compress",
    "convert": "glasscell.nn.convert",
    "cpu_info": "glasscell.engine",
    "get_num_threads": "glasscell.engine",
    "gradient_flow": "glasscell.inspect.tracing",
    "load": "glasscell.model.model",
    "restore": "glasscell.nn.convert",
    "save": "glasscell.nn.saving",
    "set_num_threads": "glasscell.engine",
    "trace": "glasscell.inspect.tracing",
}
_MODULES = ("estimators", "gates", "inspect", "nn", "reference", "storage", "weights")


def __getattr__(name: str) -> Any:
    if name not in _LAZY and name not in _MODULES:
        raise AttributeError(f"module 'glasscell' has no attribute {name!r}")
    try:
        if name in _MODULES:
            return import_module(f"glasscell.{name}")
        value = globals()[name] = getattr(import_module(_LAZY[name]), name)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ModuleNotFoundError(
            f"expected torch, which glasscell.{name} needs, found none; "
            "pip install 'glasscell[train]'",
            name="torch",
        ) from error
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
