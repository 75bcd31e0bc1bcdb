"""Put glasscell's layers into any model in place of torch's, and take them out again."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch.nn import Module, RNNBase, RNNCellBase

from glasscell.nn import classes
from glasscell.nn.callers import warn_caller
from glasscell.nn.cell_layer import Recurrent
from glasscell.nn.cells import GRUCell, LSTMCell, RNNCell
from glasscell.nn.checkpoint import SETTING, Checkpoint, segment_length
from glasscell.nn.layers import GRU, LSTM, RNN, DropIn

__all__ = ["convert", "restore", "swap_all"]

AnyModule = TypeVar("AnyModule", bound=Module)

_OURS = (LSTM, GRU, RNN, LSTMCell, GRUCell, RNNCell, Recurrent)
_RECURRENT = (RNNBase, RNNCellBase, Recurrent)
_NAMES = ("LSTM", "RNN", "GRU", "LSTMCell", "RNNCell", "GRUCell")

classes.pair(LSTM, torch.nn.LSTM)
classes.pair(GRU, torch.nn.GRU)
classes.pair(RNN, torch.nn.RNN)
classes.pair(LSTMCell, torch.nn.LSTMCell)
classes.pair(GRUCell, torch.nn.GRUCell)
classes.pair(RNNCell, torch.nn.RNNCell)


def convert(model: AnyModule, checkpoint: Checkpoint = None, verbose: bool = False) -> AnyModule:
    """Make every recurrent layer of torch's in a model run on our kernels.

    That is `torch.nn.LSTM`, `GRU`, `RNN`, and their cells. The modules stay the same objects, only
    their class changes: parameters, buffers, hooks, parametrizations, optimizers and other
    references to them keep working.

    Args:
        model: Any module, which may itself be such a layer.
        checkpoint: Of every layer in it but the single cells, as in `glasscell.nn.LSTM`; default
            None, leave it.
        verbose: Print a line for each recurrent layer: converted, or left alone and why; default
            False.

    Returns:
        The same `model`.

    Raises:
        ValueError, TypeError: Checkpoint is neither None, a bool nor a positive integer.
        TypeError: `model` is no torch module.

    Warns:
        UserWarning: no layer of the model is ours now; with the layers that were left alone.

    Notes:
        A subclass of the user's is converted too and stays an instance of that class. A `forward`
        of its own that calls `super().forward` reaches our forward pass there. One that does not,
        one that was replaced on the object, and own `check_…` and `permute_hidden`, which our
        forward pass would not call, are reasons to leave a layer alone.

    >>> model = torch.nn.Sequential(torch.nn.LSTM(3, 4), GRU(4, 4))
    >>> _ = convert(model, verbose=True)
    0 (LSTM): converted
    1 (GRU): left alone, it is glasscell's already
    >>> isinstance(model[0], LSTM), type(model[0]) == torch.nn.LSTM
    (True, True)
    """
    _must_be_module(model)
    segment_length(checkpoint, 1)
    said = [_said(name, each) for name, each in model.named_modules() if _is_recurrent(each)]
    swap_all(model)
    for module in model.modules():
        if checkpoint is not None and isinstance(module, (DropIn, Recurrent)):
            module.__dict__[SETTING] = checkpoint
    if verbose:
        print("\n".join(said) or "the model has no recurrent layer")  # noqa: T201
    if not any(isinstance(module, _OURS) for module in model.modules()):
        layers = "; ".join(said) or f"{type(model).__name__} with no recurrent layer"
        warn_caller(
            "expected a model with an LSTM, GRU, RNN or a cell of them that can be converted, got "
            f"{layers}: nothing was converted, and the model runs as before"
        )
    return model


def _must_be_module(model: object) -> None:
    if not isinstance(model, Module):
        got = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
        raise TypeError(
            f"expected model as a torch.nn.Module, got {got}; of an object that holds one, such as "
            "a forecaster, give the module in it"
        )


def swap_all(model: Module) -> None:
    """Convert every layer that can be, and say nothing."""
    for module in model.modules():
        classes.swap(module)


def _is_recurrent(module: Module) -> bool:
    """Tell whether a module is a recurrent layer, also one that is out of reach.

    Another library's class of such a name may be a whole model around torch's own layer: that
    layer is listed, the model is none.
    """
    if _kind(module) not in _NAMES:
        return isinstance(module, _RECURRENT)
    return not any(isinstance(each, _RECURRENT) and each is not module for each in module.modules())


def _kind(module: Module) -> str:
    scripted = isinstance(module, torch.jit.ScriptModule)
    return str(getattr(module, "original_name", "")) if scripted else type(module).__name__


def _reason(module: Module) -> str | None:
    if isinstance(module, torch.jit.ScriptModule):
        return "it is scripted or traced; convert the model before torch.jit"
    if type(module).__module__.startswith("torch.ao."):
        return "it is quantized; convert the model before quantization"
    if isinstance(module, Recurrent):
        return "it is glasscell's already"
    return classes.reason_to_stay(module)


def _said(name: str, module: Module) -> str:
    """Say of a recurrent layer what will become of it."""
    told = f"{name} ({_kind(module)})" if name else _kind(module)
    reason = _reason(module)
    return f"{told}: converted" if reason is None else f"{told}: left alone, {reason}"


def restore(model: AnyModule) -> AnyModule:
    """Undo `convert`: make every layer of ours in a model torch's own again.

    Layers that were made as `glasscell.nn.LSTM` … become torch's too. A `Recurrent` and a subclass
    that was written on top of one of ours have no torch class to go back to, and are left alone.

    Args:
        model: Any module, which may itself be such a layer.

    Returns:
        The same `model`.

    Raises:
        TypeError: `model` is no torch module.

    >>> type(restore(LSTM(3, 4)))
    <class 'torch.nn.modules.rnn.LSTM'>
    """
    _must_be_module(model)
    for module in model.modules():
        classes.restore_module(module)
    return model
