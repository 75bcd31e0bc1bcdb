"""The parts that a saved model is made of, each built from a piece of config.json and its tensors.

Reading order: base (what a node does), fields (how config.json is read), recurrent, compressed,
feedforward, activation, compose, pooled_steps, sequence_network, inputs. `build` turns a whole tree
into one node; nothing here knows files or torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from glasscell.arrays import Array
from glasscell.model.nodes.activation import ACTIVATIONS, build_activation, build_identity
from glasscell.model.nodes.base import Call, Keeper, Node, Plan
from glasscell.model.nodes.compose import (
    Forecaster,
    Sequential,
    chain,
    forecaster,
    known_ahead,
    reads_indices,
    with_spread,
)
from glasscell.model.nodes.compressed import (
    RECURRENT,
    called,
    compress,
    expand,
    is_scale,
    kind_of,
    recurrent_nodes,
)
from glasscell.model.nodes.feedforward import build_embedding, build_layer_norm, build_linear
from glasscell.model.nodes.fields import Fields, Tensors, refuse
from glasscell.model.nodes.recurrent import Recurrent, RecurrentStep, State, build_recurrent
from glasscell.model.nodes.sequence_network import (
    Pooled,
    SequenceNetwork,
    build_grams,
    sequence_network,
)
from glasscell.model.nodes.telling import read_telling

__all__ = [
    "KINDS",
    "Call",
    "Forecaster",
    "Keeper",
    "Node",
    "Plan",
    "Pooled",
    "Recurrent",
    "RecurrentStep",
    "SequenceNetwork",
    "Sequential",
    "State",
    "build",
    "called",
    "compress",
    "expand",
    "is_scale",
    "kind_of",
    "reads_indices",
    "recurrent_nodes",
    "walk",
]

_DEEPEST = 32

_LEAVES: dict[str, Callable[[Fields, Tensors, str], Node]] = {
    **dict.fromkeys(RECURRENT, build_recurrent),
    "Linear": build_linear,
    "Embedding": build_embedding,
    "LayerNorm": build_layer_norm,
    "Grams": build_grams,
    "Identity": build_identity,
    "Dropout": build_identity,
    **dict.fromkeys(ACTIVATIONS, build_activation),
}

_WHOLE = ("Forecaster", "SequenceNetwork")
KINDS = ("Sequential", *_WHOLE, *_LEAVES)
"""Every node type that a model folder may hold, under torch's names."""


def build(tree: object, arrays: Mapping[str, Array], storage: str | None = None) -> Node:
    """Build the node of a whole model.

    Args:
        tree: The "model" of config.json.
        arrays: Torch's parameter names to arrays, float32 or float64, or compressed.
        storage: What recurrent weights are kept as, see `Tensors`; default as they are.

    Returns:
        The root node; every array is used in it.

    Raises:
        WeightFormatError: Something is missing, left over, unknown, or does not fit.

    >>> import numpy as np
    >>> tree = {"type": "Linear", "in_features": 2, "out_features": 1, "bias": False, "weights": ""}
    >>> build(tree, {"weight": np.ones((1, 2))}).writes
    1
    """
    tensors = Tensors(arrays, storage)
    node = _build(tree, tensors, "model", 0)
    tensors.require_empty()
    recurrent = [leaf for leaf in walk(node) if isinstance(leaf, Recurrent)]
    if len({leaf.config.batch_first for leaf in recurrent}) > 1:
        refuse("model", "expected all recurrent layers with the same batch_first, got both")
    if len(storages := {leaf.storage for leaf in recurrent}) > 1:
        refuse("model", f"expected all recurrent layers stored alike, got {sorted(storages)}")
    return node


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and everything inside it, in running order."""
    yield node
    if isinstance(node, Sequential):
        for child in node.children:
            yield from walk(child)
    elif isinstance(node, Forecaster | SequenceNetwork):
        yield from node.parts


def _build(tree: object, tensors: Tensors, path: str, depth: int) -> Node:
    if depth > _DEEPEST:
        refuse("model", f"expected at most {_DEEPEST} nodes inside each other, got more")
    fields = Fields(tree, path)
    kind = fields.text("type")
    if kind not in KINDS:
        refuse(path, f"expected a type among {', '.join(KINDS)}, got {kind!r}")
    if kind in _WHOLE and depth:
        refuse(path, f"expected the {kind} to be the whole model, got one inside another node")
    if kind in _LEAVES:
        node = _LEAVES[kind](fields, tensors, kind)
    else:
        node = _MADE_OF_OTHERS[kind](fields, tensors, depth)
    fields.finish()
    return node


def _build_sequential(fields: Fields, tensors: Tensors, depth: int) -> Node:
    children = [
        _build(child, tensors, f"{fields.path}.children[{place}]", depth + 1)
        for place, child in enumerate(fields.children("children"))
    ]
    return chain(children, fields.path)


def _build_forecaster(fields: Fields, tensors: Tensors, depth: int) -> Node:
    lookback, horizon = fields.integer("lookback", 1), fields.integer("horizon", 1)

    def parts(*names: str) -> dict[str, Node]:
        return {
            name: _build(tree, tensors, path, depth + 1)
            for name, (tree, path) in zip(names, map(fields.child, names), strict=True)
        }

    known = None
    if fields.has("channels"):
        embeddings = [
            _build(tree, tensors, f"{fields.path}.embeddings[{place}]", depth + 1)
            for place, tree in enumerate(fields.children("embeddings"))
        ]
        places = {n: fields.children(n) for n in ("numbers", "skipped", "owned", "codes")}
        more = parts("known", "ahead") if fields.has("known") else {}
        known = known_ahead(fields.integer("channels", 1), places, embeddings, more, fields.path)
    point = forecaster(lookback, horizon, parts("recurrent", "head", "skip"), known, fields.path)
    if not fields.has("spread"):
        return point
    tells = read_telling(Fields(*fields.child("tells")))
    return with_spread(point, parts("spread")["spread"], tells, fields.path)


def _build_sequence_network(fields: Fields, tensors: Tensors, depth: int) -> Node:
    kinds = fields.children("pooling")
    parts: dict[str, Node | None] = {}
    for name in ("recurrent", "attention", "head", "skip"):
        tree, path = fields.child(name)
        parts[name] = None if tree is None else _build(tree, tensors, path, depth + 1)
    return sequence_network(kinds, parts, fields.path)


_MADE_OF_OTHERS: dict[str, Callable[[Fields, Tensors, int], Node]] = {
    "Sequential": _build_sequential,
    "Forecaster": _build_forecaster,
    "SequenceNetwork": _build_sequence_network,
}
