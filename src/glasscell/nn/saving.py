"""Save a torch module as a model folder that loads and runs without torch.

What can be saved: the recurrent layers of torch.nn and glasscell.nn, and `torch.nn.Sequential`,
nested at will, of these with Linear, Embedding, LayerNorm, activations, Identity and Dropout. A
layer of a cell that torch has no name for is saved with the program of its step, as it is outside
training: random masks are the numbers that stand for them. Any other module can say itself what it
is, by a method `glasscell_node`, see `save`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from glasscell.arrays import Array
from glasscell.cells import Cell
from glasscell.cells.parameters import Config
from glasscell.errors import DtypeError, WeightFormatError
from glasscell.model import modelfile
from glasscell.model.model import Model
from glasscell.model.nodes import kind_of
from glasscell.nn.symbol_grams import Grams

__all__ = ["describe", "save"]

HOOK = "glasscell_node"

_DTYPES = (torch.float32, torch.float64)

# torch's module to the constructor arguments that its node keeps.
_PLAIN: dict[type[torch.nn.Module], tuple[str, ...]] = {
    torch.nn.Identity: (),
    torch.nn.Dropout: (),
    torch.nn.ELU: ("alpha",),
    torch.nn.GELU: ("approximate",),
    torch.nn.LeakyReLU: ("negative_slope",),
    torch.nn.ReLU: (),
    torch.nn.SiLU: (),
    torch.nn.Sigmoid: (),
    torch.nn.Softplus: ("beta", "threshold"),
    torch.nn.Tanh: (),
}

_SUPPORTED = (
    "LSTM, RNN, GRU, other recurrent layers of glasscell.nn, Sequential, Linear, Embedding, "
    "LayerNorm, Softmax and LogSoftmax (dim=-1), " + ", ".join(kind.__name__ for kind in _PLAIN)
)


def save(module: torch.nn.Module, folder: str | os.PathLike[str], force: bool = False) -> Path:
    """Save a module as config.json and model.safetensors, to be loaded by `glasscell.load`.

    Args:
        module: LSTM, RNN or GRU of torch.nn or glasscell.nn, any other recurrent layer of
            glasscell.nn, or torch.nn.Sequential of such and of simple layers. In a Sequential the
            output of a recurrent layer goes on to the next child, and its state does not: torch's
            own Sequential would pass the pair, so a network of the usual form is saved as
            Sequential(net.lstm, net.linear).
        folder: A new folder; its parents are created.
        force: Write into a folder that exists: its config.json and model.safetensors are replaced
            if glasscell wrote them, everything else in it stays. Default False.

    Returns:
        The folder.

    Raises:
        FileExistsError: The folder exists, or holds another program's config.json.
        WeightFormatError: The module holds something that a model folder cannot hold.
        DtypeError: The weights are not all float32 or all float64.

    Notes:
        The folder appears complete or not at all. A parametrized module (weight norm, orthogonal,
        …) is saved with the weights that it computes. Dropout does nothing in a loaded model. A
        module of another class is saved if it has a method ``glasscell_node(child)`` that returns
        its node of config.json; ``child("encoder")`` gives that of a submodule, by dotted name.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     net = torch.nn.Sequential(torch.nn.LSTM(3, 5), torch.nn.Linear(5, 1))
    ...     path = save(net, folder + "/model")
    ...     sorted(file.name for file in path.iterdir())
    ['config.json', 'model.safetensors']
    """
    tree, arrays = describe(module)
    Model(tree, arrays)  # What does not load is not written.
    return modelfile.write(folder, tree, arrays, force)


def describe(module: torch.nn.Module) -> tuple[dict[str, Any], dict[str, Array]]:
    """Give what a folder of `save` would hold, without a folder.

    Args:
        module: As for `save`.

    Returns:
        The "model" of config.json, and torch's parameter names to arrays.

    Raises:
        WeightFormatError: The module holds something that a model folder cannot hold.
        DtypeError: The weights are not all float32 or all float64.
    """
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"expected a torch.nn.Module, got {type(module).__name__}")
    arrays: dict[str, Array] = {}
    return _node(module, "", arrays), arrays


def _node(module: torch.nn.Module, name: str, arrays: dict[str, Array]) -> dict[str, Any]:
    """Give the node of one module, and put its weights into `arrays` under their dotted names."""
    _require_plain(module, name)
    if hasattr(module, HOOK):
        return _own_node(module, name, arrays)
    if _is_of_a_cell(module):
        return _recurrent(module, name, arrays)
    for base, write in _WRITERS.items():
        if isinstance(module, base) and type(module).forward in _forwards(base):
            return write(module, name, arrays)
    for base, fields in _PLAIN.items():
        if isinstance(module, base) and type(module).forward is base.forward:
            return {"type": base.__name__, **{field: getattr(module, field) for field in fields}}
    raise WeightFormatError(
        f"{_called(module, name)}: expected one of {_SUPPORTED}; give a torch.nn.Sequential of "
        "these, for instance torch.nn.Sequential(model.lstm, model.linear)"
    )


def _called(module: torch.nn.Module, name: str) -> str:
    return f"{name or 'the module itself'} ({type(module).__name__})"


def _forwards(base: type[torch.nn.Module]) -> list[Callable[..., Any]]:
    """The forward methods that compute what torch's own class computes: torch's and ours."""
    from glasscell import nn

    ours = getattr(nn, base.__name__, base)
    return [base.forward, ours.forward]


def _is_of_a_cell(module: torch.nn.Module) -> bool:
    """Whether this is a layer of ours that says itself what its cell is."""
    own = type(module).forward.__module__.startswith("glasscell.nn.")
    return own and isinstance(getattr(module, "cell", None), Cell)


def _require_plain(module: torch.nn.Module, name: str) -> None:
    """Refuse a module whose call does something besides its forward method."""
    if isinstance(module, torch.jit.ScriptModule):
        raise WeightFormatError(
            f"{_called(module, name)}: expected a module as it was before torch.jit, got one that "
            "is scripted or traced; save the eager module"
        )
    hooks = [*module._forward_hooks.values(), *module._forward_pre_hooks.values()]
    if hooks or "forward" in vars(module):
        what = type(hooks[0]).__name__ if hooks else "a forward of its own"
        raise WeightFormatError(
            f"{_called(module, name)}: expected a module without forward hooks, got {what}, which "
            "a model folder cannot hold; remove it first (remove_weight_norm, prune.remove, "
            "hook.remove())"
        )


def _own_node(module: Any, name: str, arrays: dict[str, Array]) -> dict[str, Any]:
    def child(path: str) -> dict[str, Any]:
        return _node(module.get_submodule(path), _join(name, path), arrays)

    node: dict[str, Any] = module.glasscell_node(child)
    return node


def _join(name: str, child: str) -> str:
    return f"{name}.{child}" if name else child


def _sequential(module: torch.nn.Sequential, name: str, arrays: dict[str, Array]) -> dict[str, Any]:
    # Not named_children(): it leaves out a module that stands in two places.
    children = [_node(m, _join(name, key), arrays) for key, m in module._modules.items()]
    return {"type": "Sequential", "children": children}


def _recurrent(module: Any, name: str, arrays: dict[str, Array]) -> dict[str, Any]:
    cell = getattr(module, "cell", None)
    names = [each for each in Config.__dataclass_fields__ if each != "mode"]
    given = {each: getattr(module, each) for each in names if hasattr(module, each)}
    config = Config(mode=cell if isinstance(cell, Cell) else module.mode, **given)
    for place, suffix in enumerate(config.suffixes()):
        for role in config.shapes(place // config.directions):
            _put(module, f"{role}_{suffix}", name, arrays)
    return {"type": kind_of(config), **config.description(), "weights": name}


def _linear(module: torch.nn.Linear, name: str, arrays: dict[str, Array]) -> dict[str, Any]:
    sizes = {"in_features": module.in_features, "out_features": module.out_features}
    _put(module, "weight", name, arrays)
    bias = module.bias is not None and _put(module, "bias", name, arrays)
    return {"type": "Linear", **sizes, "bias": bias, "weights": name}


def _embedding(module: torch.nn.Embedding, name: str, arrays: dict[str, Array]) -> dict[str, Any]:
    if module.max_norm is not None:
        raise WeightFormatError(
            f"{_called(module, name)}: expected max_norm None, got {module.max_norm}: it changes "
            "the weights when they are looked up; apply it to the weights and set it to None"
        )
    sizes = {"num_embeddings": module.num_embeddings, "embedding_dim": module.embedding_dim}
    _put(module, "weight", name, arrays)
    return {"type": "Embedding", **sizes, "weights": name}


def _layer_norm(module: torch.nn.LayerNorm, name: str, arrays: dict[str, Array]) -> dict[str, Any]:
    if len(module.normalized_shape) != 1:
        raise WeightFormatError(
            f"{_called(module, name)}: expected a normalized_shape of one axis, the last, "
            f"got {tuple(module.normalized_shape)}"
        )
    has = {
        role: getattr(module, role) is not None and _put(module, role, name, arrays)
        for role in ("weight", "bias")
    }
    size = module.normalized_shape[0]
    return {"type": "LayerNorm", "size": size, "eps": module.eps, **has, "weights": name}


def _grams(module: Grams, name: str, arrays: dict[str, Array]) -> dict[str, Any]:
    alphabet = module.alphabet
    for role in ("weight", "bias"):
        _put(module, role, name, arrays)
    sizes = {"features": alphabet.features, "outputs": module.outputs}
    how = {"order": alphabet.order, "rows": alphabet.rows}
    return {"type": "Grams", **sizes, **how, "weights": name}


def _softmax(
    module: torch.nn.Softmax | torch.nn.LogSoftmax, name: str, arrays: dict[str, Array]
) -> dict[str, Any]:
    kind = "Softmax" if isinstance(module, torch.nn.Softmax) else "LogSoftmax"
    if module.dim != -1:
        raise WeightFormatError(
            f"{_called(module, name)}: expected dim=-1, the features, got dim={module.dim}; "
            f"write torch.nn.{kind}(dim=-1)"
        )
    return {"type": kind}


_WRITERS: dict[type[torch.nn.Module], Callable[..., dict[str, Any]]] = {
    torch.nn.Sequential: _sequential,
    torch.nn.LSTM: _recurrent,
    torch.nn.RNN: _recurrent,
    torch.nn.GRU: _recurrent,
    torch.nn.Linear: _linear,
    torch.nn.Embedding: _embedding,
    torch.nn.LayerNorm: _layer_norm,
    Grams: _grams,
    torch.nn.Softmax: _softmax,
    torch.nn.LogSoftmax: _softmax,
}


def _put(module: torch.nn.Module, key: str, name: str, arrays: dict[str, Array]) -> bool:
    """Put one weight, as the module computes it, into `arrays`; True for convenience."""
    full = _join(name, key)
    value: torch.Tensor = getattr(module, key)
    if value.dtype not in _DTYPES:
        raise DtypeError(
            f"expected {full} as float32 or float64, got {value.dtype}; use module.float() first"
        )
    if value.is_meta:
        raise WeightFormatError(f"expected numbers in {full}, got a meta tensor; load them first")
    arrays[full] = np.ascontiguousarray(value.detach().cpu().numpy())
    return True
