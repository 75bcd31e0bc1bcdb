"""Put glasscell's layers into any model in place of torch's, and take them out again."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch.nn import Module

from glasscell.nn import classes
from glasscell.nn.cells import LSTMCell, RNNCell
from glasscell.nn.checkpoint import Checkpoint, segment_length
from glasscell.nn.modules import LSTM, RNN
from glasscell.nn.recurrent import Recurrent

__all__ = ["convert", "restore"]

AnyModule = TypeVar("AnyModule", bound=Module)

classes.pair(LSTM, torch.nn.LSTM)
classes.pair(RNN, torch.nn.RNN)
classes.pair(LSTMCell, torch.nn.LSTMCell)
classes.pair(RNNCell, torch.nn.RNNCell)


def convert(model: AnyModule, checkpoint: Checkpoint = None) -> AnyModule:
    """Make every `torch.nn.LSTM`, `RNN`, `LSTMCell` and `RNNCell` in a model run on our kernels.

    The modules stay the same objects, only their class changes: parameters, buffers, hooks,
    parametrizations, optimizers and other references to them keep working.

    Args:
        model: any module, which may itself be such a layer.
        checkpoint: of every LSTM and RNN in it, as in `glasscell.nn.LSTM`; default None, leave it.

    Returns:
        The same `model`.

    Raises:
        ValueError, TypeError: checkpoint is neither None, a bool nor a positive integer.

    Notes:
        A subclass of the user's is converted too (it stays an instance of that class) unless it, or
        the instance, has its own `forward`, `check_…` or `permute_hidden`: what it does there our
        forward pass would not do. Such modules, and modules that are ours already, are left alone.

    >>> model = convert(torch.nn.Sequential(torch.nn.LSTM(3, 4)))
    >>> type(model[0])
    <class 'glasscell.nn.modules.LSTM'>
    """
    segment_length(checkpoint, 1)
    for module in model.modules():
        classes.swap(module)
        if checkpoint is not None and isinstance(module, Recurrent):
            module.checkpoint = checkpoint
    return model


def restore(model: AnyModule) -> AnyModule:
    """Undo `convert`: make every layer of ours in a model torch's own again.

    Layers that were made as `glasscell.nn.LSTM` … become torch's too. A subclass that was written
    on top of one of ours has no torch class to go back to, and is left alone.

    Args:
        model: any module, which may itself be such a layer.

    Returns:
        The same `model`.

    >>> type(restore(LSTM(3, 4)))
    <class 'torch.nn.modules.rnn.LSTM'>
    """
    for module in model.modules():
        classes.restore_module(module)
    return model
