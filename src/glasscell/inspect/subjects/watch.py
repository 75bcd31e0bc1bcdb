"""Looking on while any torch model runs: finds its layers, lends them our kernels, gives them back.

In all of inspect only this file, `unseen`, `torch_model` and the film need torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from glasscell.cells.parameters import LayerWeights
from glasscell.inspect.subjects.unseen import uncompiled, unseeable, unseen_said

if TYPE_CHECKING:
    import torch

    from glasscell.inspect.subjects.recorder import TraceRecorder
    from glasscell.nn.observe import Observation

__all__ = [
    "differentiated",
    "is_cell",
    "layer_kinds",
    "layer_name",
    "layer_weights",
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
        ValueError: it has no LSTM, GRU, RNN, cell of one of them, or `glasscell.nn.Recurrent`.
        RuntimeError: one of them is not on the CPU.
    """
    import torch

    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"expected model as a torch.nn.Module, got {type(model).__name__}")
    steps = (torch.nn.LSTMCell, torch.nn.GRUCell, torch.nn.RNNCell)
    kinds: tuple[type[torch.nn.Module], ...] = (*layer_kinds(), *steps)
    modules: dict[str, torch.nn.Module] = {
        name: each for name, each in model.named_modules() if isinstance(each, kinds)
    }
    if not modules:
        others = [f"{name or 'the model'} {why}" for name, (_, why) in unseeable(model, {}).items()]
        instead = f"; {'; '.join(others)}" if others else ""
        raise ValueError(
            "expected a model with at least one LSTM, GRU or RNN module, a cell of one of them or "
            f"a glasscell.nn.Recurrent, got {type(model).__name__} with none{instead}"
        )
    for name, module in modules.items():
        for parameter in module.parameters():
            if parameter.device.type != "cpu":
                raise RuntimeError(
                    f"expected every recurrent layer on the CPU, got {name or 'the model'} on "
                    f"{parameter.device}; move a copy of the model first: model.cpu()"
                )
    return modules


def layer_kinds() -> tuple[type[torch.nn.Module], ...]:
    """Give the classes of layers that our kernels run over whole sequences."""
    import torch

    from glasscell.nn.cell_layer import Recurrent

    return torch.nn.LSTM, torch.nn.GRU, torch.nn.RNN, Recurrent


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


def layer_weights(module: torch.nn.Module, suffix: str) -> LayerWeights:
    """Read the weights of one layer and direction off a torch module.

    Args:
        module: a recurrent layer, ours or torch's.
        suffix: "l0", "l0_reverse" …; "cell" for a cell such as LSTMCell.

    Returns:
        `LayerWeights` of NumPy views.

    Raises:
        ValueError: the module has no such layer.
    """
    if suffix == "cell" and hasattr(module, "weight_hh"):
        return _read(module, "")
    prefix = "weight_ih_"
    if not hasattr(module, prefix + suffix):
        there = [n.removeprefix(prefix) for n in dir(module) if n.startswith(prefix)]
        raise ValueError(
            f"expected a layer of {type(module).__name__}, {' or '.join(there) or 'which has none'}"
            f", got {suffix!r}"
        )
    return _read(module, f"_{suffix}")


def _read(module: torch.nn.Module, end: str) -> LayerWeights:
    cell = getattr(module, "cell", None)
    vectors = () if cell is None else cell.program.vectors
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr", *vectors)
    tensors = {name: getattr(module, name + end, None) for name in names}
    arrays = {name: one.detach().numpy() for name, one in tensors.items() if one is not None}
    return LayerWeights.named(arrays, getattr(module, "hidden_size", None))


@contextmanager
def watching(
    model: torch.nn.Module, recorder: TraceRecorder, gradients: bool = False
) -> Iterator[Observation]:
    """Show the recurrent layers of a model to a recorder while the block runs, from any thread.

    torch's own layers get our class for that time (`glasscell.convert`), and at the end their own
    class back, also after an error; nothing else about them changes. Compiled models run
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
