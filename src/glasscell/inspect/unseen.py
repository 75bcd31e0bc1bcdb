"""What of a model runs without being seen, and how that is said. Needs torch, as `watch` does."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from glasscell.inspect.recorder import TraceRecorder

__all__ = ["UnseenWarning", "uncompiled", "unseeable", "unseen_said"]

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
        from glasscell.nn.callers import warn_caller

        warn_caller(
            "trace and gradient_flow do not show every recurrent layer of the model: "
            + "; ".join(f"{name or 'the model'} {reason}" for name, reason in missed.items()),
            UnseenWarning,
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
