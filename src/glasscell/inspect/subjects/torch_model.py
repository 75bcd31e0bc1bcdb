"""Looking on while any torch model runs: finds its layers, lends them our kernels, gives them back.

The only file here, beside `unseen` and the functions that call these two, that needs torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from glasscell.errors import DtypeError
from glasscell.inspect.subjects.unseen import uncompiled, unseeable, unseen_said

if TYPE_CHECKING:
    import torch

    from glasscell.inspect.subjects.recorder import TraceRecorder
    from glasscell.nn.observe import Observation

__all__ = [
    "NOTHING_RAN",
    "UNREACHED",
    "arguments",
    "called",
    "check_loss",
    "differentiated",
    "is_cell",
    "layer_name",
    "recurrent_modules",
    "unchanged",
    "watching",
]


def recurrent_modules(model: torch.nn.Module) -> dict[str, torch.nn.Module]:
    """Find the recurrent modules of a model, ours or torch's.

    Args:
        model: any module; it may be recurrent itself.

    Returns:
        Dotted name ("" for the model itself) to module.

    Raises:
        TypeError: `model` is no torch module.
        ValueError: it has no LSTM, RNN, LSTMCell or RNNCell.
        RuntimeError: one of them is not on the CPU.
    """
    import torch

    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"expected model as a torch.nn.Module, got {type(model).__name__}")
    kinds = (torch.nn.LSTM, torch.nn.RNN, torch.nn.LSTMCell, torch.nn.RNNCell)
    found: dict[str, torch.nn.Module] = {
        name: each for name, each in model.named_modules() if isinstance(each, kinds)
    }
    if not found:
        others = [f"{name or 'the model'} {why}" for name, (_, why) in unseeable(model, {}).items()]
        instead = f"; {'; '.join(others)}" if others else ""
        raise ValueError(
            "expected a model with at least one LSTM, RNN, LSTMCell or RNNCell module, got "
            f"{type(model).__name__} with none{instead}"
        )
    for name, module in found.items():
        for parameter in module.parameters():
            if parameter.device.type != "cpu":
                raise RuntimeError(
                    f"expected every recurrent layer on the CPU, got {name or 'the model'} on "
                    f"{parameter.device}; move a copy of the model first: model.cpu()"
                )
    return found


def is_cell(module: torch.nn.Module) -> bool:
    """Tell whether a module computes one step at a time."""
    import torch

    return isinstance(module, torch.nn.RNNCellBase)


def layer_name(name: str, suffix: str) -> str:
    """Put the user's name of one layer and direction together.

    Args:
        name: the module's dotted name, "" for the model itself.
        suffix: "l0", "l0_reverse" …, or "cell".

    Returns:
        "encoder.l0", or "l0" for the model itself; a cell goes by its module's name.

    >>> layer_name("encoder", "l0"), layer_name("", "l0"), layer_name("decoder", "cell")
    ('encoder.l0', 'l0', 'decoder')
    """
    if not name:
        return suffix
    return name if suffix == "cell" else f"{name}.{suffix}"


@contextmanager
def watching(
    model: torch.nn.Module, recorder: TraceRecorder, gradients: bool = False
) -> Iterator[Observation]:
    """Show the recurrent layers of a model to a recorder while the block runs, from any thread.

    torch's own layers get our class for that time (`glasscell.convert`) and their own back at the
    end, whatever happens in between; nothing else of them is touched. A compiled model runs
    uncompiled.

    Args:
        model: any module.
        recorder: knows which modules are meant.
        gradients: observe the backward pass too; default False.

    Yields:
        The `Observation`.

    Warns:
        UnseenWarning: a recurrent layer ran and was not seen.
    """
    from glasscell.nn.convert import swap_all
    from glasscell.nn.observe import observing
    from glasscell.nn.packed_weights import ATTRIBUTE

    mine = list(model.modules())
    with _lock:
        for each in mine:
            loan = _lent.setdefault(each, _Loan(type(each), ATTRIBUTE in each.__dict__))
            loan.blocks += 1
    try:
        swap_all(model)
        others = unseeable(model, recorder.modules)
        named = [*recorder.modules.values(), *(module for module, _ in others.values())]
        with (
            unseen_said(model, recorder, others),
            uncompiled(),
            observing(recorder, gradients, named) as observation,
        ):
            yield observation
    finally:
        with _lock:
            for each in mine:
                _end_loan(each, ATTRIBUTE)


@dataclass
class _Loan:
    """What a module was before blocks lent it our class.

    Attributes:
        kind: its class.
        kept: whether it had packed weights.
        blocks: how many are open; of several threads or tasks they end in any order.
    """

    kind: type[torch.nn.Module]
    kept: bool
    blocks: int = 0


_lent: WeakKeyDictionary[torch.nn.Module, _Loan] = WeakKeyDictionary()
_lock = Lock()


def _end_loan(module: torch.nn.Module, packed: str) -> None:
    loan = _lent[module]
    loan.blocks -= 1
    if loan.blocks:
        return
    del _lent[module]
    if type(module) is not loan.kind:
        object.__setattr__(module, "__class__", loan.kind)  # past a __setattr__ of the user's
        if not loan.kept:
            module.__dict__.pop(packed, None)


def differentiated(model: torch.nn.Module, value: torch.Tensor, observation: Observation) -> None:
    """Run the backward pass of every observed layer before a loss, and leave all `.grad` alone.

    Args:
        model: what ran.
        value: the loss.
        observation: under which it ran, with gradients.

    Notes:
        A reentrant checkpoint runs a backward pass of its own and cannot say what is needed of it:
        torch then allows `backward()` alone, which fills the `.grad` of every leaf.
    """
    import torch

    nodes, leaves = _graph(value)
    if not any(type(node).__name__ == "CheckpointFunctionBackward" for node in nodes):
        assert observation.anchor is not None
        torch.autograd.grad(value, observation.anchor, allow_unused=True)
        return
    every = (*leaves, *model.parameters())
    grads = [(leaf, leaf.grad) for leaf in every]
    # Such a hook may be an optimizer that steps as soon as a gradient is there.
    hooks = [own for leaf in every if (own := leaf._post_accumulate_grad_hooks)]
    held = [(own, own.copy()) for own in hooks]
    try:
        for leaf in every:
            leaf.grad = None
        for own in hooks:
            own.clear()
        value.backward()  # type: ignore[no-untyped-call]
    finally:
        for leaf, grad in grads:
            leaf.grad = grad
        for own, was in held:
            own.update(was)


def _graph(value: torch.Tensor) -> tuple[list[Any], list[torch.Tensor]]:
    """Give the nodes of a graph and its leaves."""
    waiting: list[Any] = [] if value.grad_fn is None else [value.grad_fn]
    nodes, leaves = {id(node): node for node in waiting}, []
    while waiting:
        node = waiting.pop()
        if type(node).__name__ == "AccumulateGrad":
            leaves.append(node.variable)
        for following, _ in node.next_functions:
            if following is not None and id(following) not in nodes:
                nodes[id(following)] = following
                waiting.append(following)
    return list(nodes.values()), leaves


@contextmanager
def unchanged(model: torch.nn.Module) -> Iterator[None]:
    """Put back what running a model changes: its buffers and torch's random state.

    Args:
        model: any module.
    """
    import torch

    held = [
        (module, name, tensor, tensor.detach().clone())
        for module in model.modules()
        for name, tensor in module._buffers.items()
        if tensor is not None
    ]
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            for module, name, tensor, value in held:
                module._buffers[name] = tensor
                if not torch.equal(tensor, value):
                    with torch.no_grad():
                        tensor.copy_(value)


NOTHING_RAN = (
    "expected the model to call at least one of its recurrent layers, on our kernels; none did: "
    "they were not called, have a forward of their own, or are in half precision"
)
UNREACHED = (
    "expected a loss that depends on a recurrent layer of the model, got one that none of them "
    "reaches; look for detach(), argmax or no_grad between them, and call the layers in forward(); "
    "under a checkpoint with use_reentrant=True one of its inputs must require a gradient"
)


def called(model: torch.nn.Module, x: Any, kwargs: Mapping[str, Any] | None = None) -> Any:
    """Call a model, and name arrays that it cannot read.

    Args:
        model: any.
        x: what it is called with; a tuple is several positional arguments.
        kwargs: keyword arguments; default none.

    Raises:
        DtypeError: it failed on an array where tensors go.
    """
    given, named = arguments(x), dict(kwargs or {})
    named = dict(zip(named, arguments(tuple(named.values())), strict=True))
    try:
        return model(*given, **named)
    except (AttributeError, TypeError) as error:
        if any(isinstance(part, np.ndarray) for part in (*given, *named.values())):
            raise DtypeError(
                "expected x as torch tensors, or what else the model reads, got numpy.ndarray; use "
                "torch.as_tensor(x)"
            ) from error
        raise


def arguments(x: Any) -> tuple[Any, ...]:
    """Give positional arguments; a `PackedSequence` is a tuple too, and is one argument."""
    import torch

    # A tensor made under inference_mode can only be part of a graph as a copy.
    return tuple(
        arg.clone() if isinstance(arg, torch.Tensor) and arg.is_inference() else arg
        for arg in (x if type(x) is tuple else (x,))
    )


def check_loss(value: Any) -> None:
    """Refuse what no gradient can start from: no tensor, no scalar, or one without a graph."""
    import torch

    if not isinstance(value, torch.Tensor):
        raise TypeError(f"expected loss to return a scalar tensor, got {type(value).__name__}")
    if value.numel() != 1:
        raise ValueError(
            f"expected loss to return a scalar, got shape {tuple(value.shape)}; "
            "reduce it with .sum() or .mean()"
        )
    if not value.requires_grad:
        raise ValueError(UNREACHED)
