"""Looking on while any torch model runs: finds its layers, lends them our kernels, gives them back.

The only file here, beside the two functions that call it, that needs torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from glasscell.nn.observe import Observation, Observer

__all__ = ["is_cell", "layer_name", "recurrent_modules", "unchanged", "watching"]


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
        others = {type(m).__name__ for m in model.modules() if isinstance(m, torch.nn.RNNBase)}
        instead = f"; {', '.join(sorted(others))} cannot be traced" if others else ""
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
    model: torch.nn.Module, observer: Observer, gradients: bool = False
) -> Iterator[Observation]:
    """Show all recurrent layers of a model to an observer while the block runs.

    torch's own layers get our class for that time (`glasscell.convert`) and their own back at the
    end, whatever happens in between; nothing else of them is touched.

    Args:
        model: any module.
        observer: see `glasscell.nn.observe.Observer`.
        gradients: observe the backward pass too; default False.

    Yields:
        The `Observation`.
    """
    from glasscell.nn.convert import swap_all
    from glasscell.nn.observe import observing
    from glasscell.nn.packing import ATTRIBUTE

    before = [(each, type(each), ATTRIBUTE in each.__dict__) for each in model.modules()]
    try:
        swap_all(model)
        with observing(observer, gradients) as observation:
            yield observation
    finally:
        for module, kind, kept in before:
            if type(module) is not kind:
                module.__class__ = kind
                if not kept:
                    module.__dict__.pop(ATTRIBUTE, None)


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
