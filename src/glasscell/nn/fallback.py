"""When a call leaves glasscell's kernels for torch's own code, and how that is said.

The kernels read plain float32 and float64 CPU memory. Everything else that reaches a layer (another
device, a half-precision module, a tracer, a `torch.func` transform, arguments that torch refuses)
goes to the forward of the torch class that ours extends, which computes it or raises its own error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._subclasses import FakeTensor
from torch.autograd import forward_ad
from torch.nn import Parameter

from glasscell.nn.callers import named, warn_caller
from glasscell.nn.observe import current

__all__ = [
    "Reason",
    "SlowPathWarning",
    "announce",
    "interpreted",
    "keep_dynamo_out",
    "leaf",
    "operable",
    "reason_to_leave",
]


class SlowPathWarning(UserWarning):
    """A call is computed by slower code than glasscell's kernels; the text says which and why.

    Said once per process and reason. To be stopped by it instead::

        warnings.simplefilter("error", glasscell.nn.SlowPathWarning)
    """


class Reason(NamedTuple):
    """Why a call leaves the kernels, and whether the user has to hear of it."""

    text: str
    said: bool = True


TRACED = Reason("the call is being traced or exported")
TRANSFORMED = Reason("a torch.func transform or a forward-mode derivative is active")
INTERCEPTED = Reason("a tensor subclass or a torch dispatch mode takes part")
HALF = Reason("the module is neither float32 nor float64")
DEVICE = Reason("the tensors are no plain memory of the CPU", said=False)
EMPTY = Reason("a size is zero", said=False)
MISSING = Reason("a parameter was deleted or set to None")
UNFIT = Reason("the arguments are not what the kernels take")

PLAIN = (Tensor, Parameter)
PRECISIONS = (torch.float32, torch.float64)

_announced: set[str] = set()


def announce(
    reason: Reason,
    instead: str = "torch's own forward computes it",
    module: torch.nn.Module | None = None,
) -> None:
    """Warn, once per process and reason, that `instead` happens because of `reason`.

    Args:
        reason: why.
        instead: What happens.
        module: Whose call it is; None if that is not known any more.
    """
    text = f"{reason.text}, so {instead} instead of glasscell's kernels"
    unseen = current() is not None
    if unseen:
        text += "; trace and gradient_flow do not see it"
    if not (reason.said or unseen) or text in _announced:
        return
    warn_caller(text if module is None else f"{named(module)}: {text}", SlowPathWarning)
    _announced.add(text)


def interpreted() -> Reason | None:
    """Give the reason why Python may not look at tensor memory right now, None if it may."""
    if torch._C._get_tracing_state() is not None:
        return TRACED
    if torch._C._functorch.peek_interpreter_stack() is not None or forward_ad._current_level >= 0:
        return TRANSFORMED
    if torch._C._len_torch_dispatch_stack():
        return INTERCEPTED
    return None


def reason_to_leave(
    data: Any, weights: Iterable[Tensor | None], expected: int = 1
) -> Reason | None:
    """Give the reason why the kernels cannot read these tensors, None if they can.

    Args:
        data: What the module was called with.
        weights: The parameters that the call reads; None for those that the layer has not.
        expected: How many of them its constructor made; default 1.
    """
    if not isinstance(data, Tensor):
        return UNFIT
    if type(data) not in PLAIN:
        return INTERCEPTED
    reason = interpreted()
    if reason is not None:
        return reason
    present = [weight for weight in weights if weight is not None]
    if len(present) < expected:
        return MISSING
    if not data.is_cpu or data.layout is not torch.strided:
        return DEVICE
    dtype = present[0].dtype
    for weight in present:
        if type(weight) not in PLAIN:
            return INTERCEPTED
        if not weight.is_cpu:
            return DEVICE
        if weight.dtype is not dtype:
            return UNFIT
    return None if dtype in PRECISIONS else HALF


def keep_dynamo_out(forward: Callable[..., Any]) -> None:
    """Have torch.compile run a forward pass as it is instead of tracing into it.

    As `torch.compiler.disable`, which would import the compiler here and wrap every call. Without
    this private entry compiled calls would take torch's own forward: slower, not wrong.
    """
    frames = torch._C._dynamo.eval_frame
    if hasattr(frames, "set_code_exec_strategy"):
        skip = frames._FrameAction.SKIP
        frames.set_code_exec_strategy(forward.__code__, frames._FrameExecStrategy(skip, skip))


def operable(reason: Reason, data: Tensor, module: torch.nn.Module) -> bool:
    """Tell whether the operators compute what left the kernels for this reason.

    A user's subclass of tensors goes to torch's own code, which it may know by name; a call that
    someone looks on goes where it always is said that he sees nothing.
    """
    if current(module) is not None:
        return False
    if reason is INTERCEPTED:
        return type(data) in PLAIN or isinstance(data, FakeTensor)
    return reason is TRANSFORMED


def leaf(module: torch.nn.Module, input: Any, *arguments: Any) -> Any:
    """Put a call under `torch.fx.symbolic_trace` into its graph as one node, as torch's own are."""
    path = input.tracer.path_of_module(module)
    return input.tracer.create_proxy("call_module", path, (input, *arguments), {})
