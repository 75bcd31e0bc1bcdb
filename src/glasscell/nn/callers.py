"""Who called a layer: the line that a warning points at, and the layer's name in its model."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from pathlib import Path
from types import FrameType

import torch

__all__ = ["named", "warn_caller"]

_LIBRARIES = (
    str(Path(__file__).parents[1]) + os.sep,
    str(Path(torch.__file__).parent) + os.sep,
    contextlib.__file__,  # between a `with` block's end and what warns there
)


def warn_caller(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn, pointing at the line outside glasscell and torch that led here."""
    files = [frame.f_code.co_filename for frame in _frames()]
    outside = (k for k, file in enumerate(files, start=1) if not file.startswith(_LIBRARIES))
    warnings.warn(text, category, stacklevel=next(outside, 1))


def named(module: torch.nn.Module) -> str:
    """Give a layer's name in the outermost model that is running it, and its class.

    >>> class Net(torch.nn.Module):
    ...     def forward(self):
    ...         return named(self.head)
    >>> net = Net()
    >>> net.head = torch.nn.Identity()
    >>> net(), named(net.head)
    ('head (Identity)', 'Identity')
    """
    kind, name = type(module).__name__, ""
    for frame in _frames():
        model = frame.f_locals.get("self") if frame.f_code.co_name == "_call_impl" else None
        if isinstance(model, torch.nn.Module):
            name = next((key for key, each in model.named_modules() if each is module), name)
    return f"{name} ({kind})" if name else kind


def _frames() -> list[FrameType]:
    """Give the frame of the function that asks, and all above it."""
    frame: FrameType | None = sys._getframe(1)
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames
