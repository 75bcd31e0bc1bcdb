"""Runs as MLflow models: logged with their folder, served as a pyfunc, without pickle or torch.

``mlflow_flavour.log_model("RUN").model_uri`` is what `mlflow.pyfunc.load_model` loads.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import glasscell
from glasscell.training.run_folder import task_of

__all__ = ["Served", "log_model", "save_model"]


class Served:
    """A run that MLflow has loaded.

    Args:
        run: The run folder.
    """

    def __init__(self, run: Path) -> None:
        self.run, self.task = run, task_of(run)
        self.forecaster = glasscell.Forecaster.load(run) if self.task == "forecast" else None
        sequences = import_module("glasscell.tasks.sequences.predict")
        self.predictor = sequences.Predictor.load(run) if self.task == "sequences" else None

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Tell of new data what `glasscell predict` tells.

        Args:
            model_input: A frame of series or labelled sequences; of texts a frame or a list.
            params: Further arguments of `predict` by name, such as ``horizon``.
        """
        more = {name: value for name, value in (params or {}).items() if value is not None}
        if self.forecaster is not None:
            return self.forecaster.predict(model_input, **more)
        if self.task == "text":
            texts = model_input.iloc[:, 0] if hasattr(model_input, "iloc") else model_input
            surprises = import_module("glasscell.tasks.text.evaluation").surprises
            return surprises(self.run, list(texts), **more)
        tell = import_module("glasscell.tasks.sequences.predict").predict
        return tell(self.predictor, model_input, **more)


def save_model(run: str | os.PathLike[str], path: str | os.PathLike[str], **more: Any) -> None:
    """Write a run as an MLflow model.

    Args:
        run: The run folder.
        path: A new folder.
        **more: Further arguments of `mlflow.pyfunc.save_model`.
    """
    _pyfunc().save_model(path=os.fspath(path), **_flavour(run), **more)


def log_model(run: str | os.PathLike[str], name: str = "model", **more: Any) -> Any:
    """Log a run as a model of the MLflow run that is open.

    Args:
        run: The run folder.
        name: Name of the model.
        **more: Further arguments of `mlflow.pyfunc.log_model`.

    Returns:
        MLflow's `ModelInfo`, whose `model_uri` loads it.
    """
    return _pyfunc().log_model(name=name, **_flavour(run), **more)


def _flavour(run: str | os.PathLike[str]) -> dict[str, Any]:
    task_of(Path(run))  # says what is wrong before MLflow copies anything
    return {
        "loader_module": __name__,
        "data_path": os.fspath(run),
        "pip_requirements": [f"glasscell=={glasscell.__version__}"],
    }


def _load_pyfunc(data_path: str) -> Served:
    """Load what was logged; MLflow calls it by this name."""
    return Served(Path(data_path))


def _pyfunc() -> Any:
    try:
        return import_module("mlflow.pyfunc")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"expected mlflow, found no {error.name}; pip install mlflow", name=error.name
        ) from error
