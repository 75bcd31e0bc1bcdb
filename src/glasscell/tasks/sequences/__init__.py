"""Labelled sequences to an honest table: classify, tag or regress them.

`fit` is found on first use: its options alone, which the command line reads, need no torch.
`predict` of `glasscell.tasks.sequences.predict` needs none at all.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glasscell.tasks.sequences.fitting import fit
    from glasscell.tasks.sequences.options import SequenceOptions
    from glasscell.tasks.sequences.predict import evaluate, load_predictor
    from glasscell.tasks.sequences.result import FitResult

__all__ = [
    "FitResult",
    "SequenceOptions",
    "evaluate",
    "fit",
    "load_predictor",
]

_PLACES = {
    "FitResult": "result",
    "SequenceOptions": "options",
    "evaluate": "predict",
    "fit": "fitting",
    "load_predictor": "predict",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
