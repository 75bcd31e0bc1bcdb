"""Recurrent layers that run without being recorded, and the warning that names them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from glasscell.inspect.subjects.recorder import TraceRecorder

__all__ = ["UnseenWarning", "uncompiled", "unseeable", "unseen_said"]

NAMES = ("LSTM", "RNN", "GRU", "LSTMCell", "RNNCell", "GRUCell")


class UnseenWarning(UserWarning):
    """A recurrent layer of the model ran, but trace and gradient_flow do not show it."""


@contextlib.contextmanager
def unseen_said(
    model: torch.nn.Module,
    recorder: TraceRecorder,
    others: Mapping[str, tuple[torch.nn.Module, str]],
) -> Iterator[None]:
    """Warn at the end of a block of recurrent layers that ran in it unseen, each with the reason.

    Args:
        model: what runs.
        recorder: what records, and at which modules.
        others: what `unseeable` gave.
    """
    watched = {
        **{name: module for name, (module, _) in others.items()},
        **recorder.modules,
    }
    calls = {name: _Calls(name, module, recorder) for name, module in watched.items()}
    handles = [
        register(calls[name])
        for name, module in watched.items()
        if not _scripted(module)
        for register in (module.register_forward_pre_hook, module.register_forward_hook)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for each in calls.values():
            each.module = each.recorder = None
    missed = {
        name: reason
        for name, (module, reason) in others.items()
        if calls[name].count or _scripted(module)
    }
    for name, module in recorder.modules.items():
        unseen = calls[name].count - recorder.seen(name)
        if unseen > 0:
            missed[name] = _reason(module, unseen, calls[name].count)
    known = {id(module) for module in watched.values()}
    for name, module in model.named_modules():
        if _recurrent(module) and id(module) not in known and not recorder.knows(module):
            missed[name] = "came into the model while it ran; look again"
    if missed:
        from glasscell.nn.callers import warn_caller

        warn_caller(
            "trace and gradient_flow do not show every recurrent layer of the model: "
            + "; ".join(f"{name or 'the model'} {reason}" for name, reason in missed.items()),
            UnseenWarning,
        )


class _Calls:
    """A hook that counts the calls of a module, and those of the copies that it is copied with.

    Before a call it makes a copy known, after it it counts: a call that raised is none.

    Args:
        name: the module's.
        module: that module.
        recorder: whose block it is; None once that is over, and for what comes out of a pickle.
    """

    def __init__(
        self,
        name: str = "",
        module: torch.nn.Module | None = None,
        recorder: TraceRecorder | None = None,
    ) -> None:
        self.name, self.module, self.recorder, self.count = name, module, recorder, 0

    def __call__(self, module: torch.nn.Module, _: Any, *after: Any) -> None:
        if self.recorder is None:
            return
        from glasscell.nn.observe import current

        block = current(self.module)
        # What an inner block sees is not this one's.
        if block is not None and block.observer is self.recorder:
            self.count += len(after)
            self.recorder.adopt(module, self.name, block)

    def __deepcopy__(self, _: Any) -> _Calls:
        return self

    def __reduce__(self) -> tuple[type[_Calls], tuple[()]]:
        return _Calls, ()


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
    reasons, known = {}, {id(module) for module in watched.values()}
    for name, module in model.named_modules():
        kind = type(module).__name__
        if id(module) in known:
            continue
        if _scripted(module):
            kind = str(getattr(module, "original_name", kind))
            if kind in NAMES:
                reasons[name] = (
                    module,
                    "is a scripted module, which runs in torch's own interpreter",
                )
        elif kind in NAMES and type(module).__module__.startswith("torch."):
            reasons[name] = module, f"is a {type(module).__module__}.{kind}, which torch alone runs"
        elif _recurrent(module) or (kind in NAMES and not _holds(module, known)):
            reasons[name] = module, f"is a {type(module).__module__}.{kind}, no layer of torch.nn"
    return reasons | _unregistered(model)


def _holds(module: torch.nn.Module, known: set[int]) -> bool:
    """Tell of a model named like a layer that what is recurrent in it is watched."""
    return any(id(each) in known for each in module.modules())


def _unregistered(model: torch.nn.Module) -> dict[str, tuple[torch.nn.Module, str]]:
    """Find recurrent modules that a model keeps where torch does not look for modules."""
    registered = dict(model.named_modules())
    ids = {id(module) for module in registered.values()}
    reasons: dict[str, tuple[torch.nn.Module, str]] = {}
    for name, module in registered.items():
        for key, value in vars(module).items():
            for each in _held(value) if key != "_modules" else ():
                if _recurrent(each) and id(each) not in ids:
                    why = f"holds a {type(each).__name__} that named_modules() does not give"
                    reasons[f"{name}.{key}".lstrip(".")] = each, f"{why}; use a ModuleList"
    return reasons


def _recurrent(module: Any) -> bool:
    from torch.nn.modules.rnn import RNNBase, RNNCellBase

    from glasscell.nn.cell_layer import Recurrent

    return isinstance(module, RNNBase | RNNCellBase | Recurrent)


def _held(value: Any) -> Collection[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list | tuple) else (value,)


def _scripted(module: torch.nn.Module) -> bool:
    import torch

    return isinstance(module, torch.jit.ScriptModule)


def _reason(module: torch.nn.Module, unseen: int, count: int) -> str:
    often = "" if unseen == count else f" in {unseen} of {count} calls"
    own = "forward" in vars(module) or not type(module).forward.__module__.startswith("glasscell.")
    if own:
        return (
            f"({type(module).__name__}) has a forward of its own that does not end in "
            f"super().forward{often}, where our kernels would run"
        )
    return (
        f"ran on torch's own code{often}, not on our kernels (half precision, a transform, a "
        "device or an empty batch)"
    )


@contextlib.contextmanager
def uncompiled() -> Iterator[None]:
    """Run compiled models uncompiled while the block runs: a compiled cell makes no call to see."""
    import torch

    # torch's compiler is not imported for this: whoever compiled a model has loaded it already.
    if "torch._dynamo" not in sys.modules or not hasattr(torch.compiler, "set_stance"):
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield
