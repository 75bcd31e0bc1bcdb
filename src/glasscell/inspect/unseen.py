"""What of a model runs without being seen, and how that is said. Needs torch, as `watch` does."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from glasscell.inspect.recorder import TraceRecorder

__all__ = ["UnseenWarning", "calling_up", "uncompiled", "unseeable", "unseen_said"]

NAMES = ("LSTM", "RNN", "GRU", "LSTMCell", "RNNCell", "GRUCell")


class UnseenWarning(UserWarning):
    """A recurrent layer of the model ran, but trace and gradient_flow do not show it."""


@contextlib.contextmanager
def unseen_said(
    recorder: TraceRecorder, others: Mapping[str, tuple[torch.nn.Module, str]]
) -> Iterator[None]:
    """Warn at the end of a block of recurrent layers that ran in it unseen, each with the reason.

    Args:
        recorder: who looks on, and at which modules.
        others: what `unseeable` gave.
    """
    from glasscell.nn.observe import current

    handles: dict[int, Any] = {}
    called: set[int] = set()

    def note(module: torch.nn.Module, _: Any) -> None:
        """Once: later calls have no hook to run. What an inner block sees is not this one's."""
        block = current(module)
        if block is not None and block.observer is recorder:
            called.add(id(module))
            handles[id(module)].remove()

    for module in (*recorder.modules.values(), *(module for module, _ in others.values())):
        if not _scripted(module):
            handles[id(module)] = module.register_forward_pre_hook(note)
    try:
        yield
    finally:
        for handle in handles.values():
            handle.remove()
    missed = {
        name: reason
        for name, (module, reason) in others.items()
        if id(module) in called or _scripted(module)
    }
    for name, module in recorder.modules.items():
        if id(module) in called and not recorder.saw(module):
            missed[name] = _reason(module)
    if missed:
        _warn(
            "trace and gradient_flow do not show every recurrent layer of the model: "
            + "; ".join(f"{name or 'the model'} {reason}" for name, reason in missed.items())
        )


def unseeable(
    model: torch.nn.Module, watched: Mapping[str, torch.nn.Module]
) -> dict[str, tuple[torch.nn.Module, str]]:
    """Find the recurrent modules of a model that our kernels cannot run.

    Args:
        model: any module.
        watched: dotted name to those that they can.

    Returns:
        Dotted name to module and reason, to be read after its name.
    """
    import torch

    found = {}
    for name, module in model.named_modules():
        kind = type(module).__name__
        if name in watched:
            continue
        if _scripted(module):
            kind = str(getattr(module, "original_name", kind))
            if kind in NAMES:
                found[name] = module, "is a scripted module, which runs in torch's own interpreter"
        elif isinstance(module, torch.nn.GRU | torch.nn.GRUCell):
            found[name] = module, f"is a {kind}, which cannot be traced"
        elif kind in NAMES and type(module).__module__.startswith("torch."):
            found[name] = module, f"is a {type(module).__module__}.{kind}, which torch alone runs"
    return found


def _scripted(module: torch.nn.Module) -> bool:
    import torch

    return isinstance(module, torch.jit.ScriptModule)


def _reason(module: torch.nn.Module) -> str:
    own = "forward" in vars(module) or not type(module).forward.__module__.startswith("glasscell.")
    if own:
        return (
            f"({type(module).__name__}) has a forward of its own that does not end in "
            "super().forward, where our kernels would run"
        )
    return (
        "ran on torch's own code, not on our kernels (half precision, a transform, a device or an "
        "empty batch)"
    )


def _warn(text: str) -> None:
    """Warn at the line of the first caller outside of glasscell and of the standard library."""
    inside = (str(Path(__file__).parents[1]), contextlib.__file__)
    level, frame = 1, sys._getframe()
    while frame is not None and frame.f_code.co_filename.startswith(inside):
        level, frame = level + 1, frame.f_back  # type: ignore[assignment]
    warnings.warn(text, UnseenWarning, stacklevel=level)


_made: dict[type[Any], type[Any]] = {}


def calling_up(module: torch.nn.Module) -> type[torch.nn.Module] | None:
    """Make a class for a layer with a forward of its own, whose `super().forward` is ours.

    Args:
        module: a recurrent module.

    Returns:
        A subclass of its class and of ours; None where the module is ours already, or where it has
        more of its own that our forward pass would not honour.
    """
    from glasscell.nn import LSTM, RNN, LSTMCell, RNNCell
    from glasscell.nn.classes import OVERRIDES

    kind = type(module)
    for ours in (LSTM, RNN, LSTMCell, RNNCell):
        theirs = ours.__bases__[-1]
        if isinstance(module, ours) or not isinstance(module, theirs):
            continue
        own = (n for n in OVERRIDES if getattr(kind, n, None) is not getattr(theirs, n, None))
        if "forward" in vars(module) or set(own) != {"forward"}:
            return None
        if kind not in _made:
            body = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
            _made[kind] = type(kind.__name__, (kind, ours), body)
        return _made[kind]
    return None


@contextlib.contextmanager
def uncompiled() -> Iterator[None]:
    """Run compiled models as they were written while the block runs: a compiled cell has no call.

    Nothing is imported for it: who has compiled something has loaded torch's compiler.
    """
    import torch

    if "torch._dynamo" not in sys.modules or not hasattr(torch.compiler, "set_stance"):
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield
