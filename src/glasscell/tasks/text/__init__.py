"""Text: symbol after symbol in, bits per character beside honest rivals and a run folder out.

`fit`, `sample` and `score` are found on first use: the options alone need no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glasscell.tasks.text.evaluation import score
    from glasscell.tasks.text.fitting import fit
    from glasscell.tasks.text.options import TextOptions
    from glasscell.tasks.text.result import FitResult
    from glasscell.tasks.text.sampling import sample

__all__ = ["FitResult", "TextOptions", "fit", "sample", "score"]

_PLACES = {
    "FitResult": "result",
    "TextOptions": "options",
    "fit": "fitting",
    "sample": "sampling",
    "score": "evaluation",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
