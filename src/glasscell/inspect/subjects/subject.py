"""What one run of a model gave, with everything recorded, whichever kind of model it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from glasscell.arrays import Array
from glasscell.cells.parameters import LayerWeights
from glasscell.errors import ShapeError
from glasscell.inspect.gradients.flow import GradientFlow
from glasscell.model.model import Model
from glasscell.traces.layer import LayerTrace

__all__ = ["Recording", "batched", "split"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """What a model did with a batch.

    Args:
        traces: Layer name to trace of the batch.
        weights: Layer name to weights, where they are known.
        output: (B, T, O), (B, O) or None.
        flow: Gradients of the loss; None if there was none.
        model: Tree of `glasscell.save`, None if the model cannot be written as one.
        parameters: Weights of the tree's other nodes, by torch's name.
        indices: (B, T) what the model read, if that were integers for an Embedding.
        ablate: Cuts each unit on some sequences: by layer the output's mean squared change.
        cost: Cuts each unit on the whole batch: by layer the loss's rise; None without a loss.
        rival: Names of layers that are not the model's, but of one to compare it with.
    """

    traces: Mapping[str, LayerTrace]
    weights: Mapping[str, LayerWeights] = field(default_factory=dict)
    output: Array | None = None
    flow: GradientFlow | None = None
    model: Mapping[str, Any] | None = None
    parameters: Mapping[str, Array] = field(default_factory=dict)
    indices: Array | None = None
    ablate: Callable[[Sequence[int]], Mapping[str, Array]] | None = None
    cost: Callable[[], Mapping[str, Array]] | None = None
    rival: frozenset[str] = frozenset()

    def beside(self, other: Recording, name: str) -> Recording:
        """Put the layers of another model beside this one's, as "name: layer"."""
        traces = {f"{name}: {layer}": trace for layer, trace in other.traces.items()}
        weights = {f"{name}: {layer}": one for layer, one in other.weights.items()}
        flows = {f"{name}: {layer}": flow for layer, flow in (other.flow or {}).items()}
        own = self.flow or GradientFlow({})
        return replace(
            self,
            traces={**self.traces, **traces},
            weights={**self.weights, **weights},
            flow=GradientFlow({**own, **flows}, own.loss),
            rival=frozenset(traces),
        )


def batched(x: Array, indices: bool) -> Array:
    """Give (B, T, I), or (B, T) integers, of one sequence or several.

    Raises:
        ShapeError: It is neither.
    """
    axes = 2 if indices else 3
    if x.ndim == axes - 1:
        x = x[None]
    if x.ndim != axes or 0 in x.shape[:2]:
        wanted = "(B, T) integers" if indices else "(B, T, I) or (T, I)"
        raise ShapeError(f"expected x of shape {wanted}, none of them 0, got {x.shape}")
    return x


def split(
    model: Model, arrays: Mapping[str, Array]
) -> tuple[dict[str, LayerWeights], dict[str, Array]]:
    """Tell the recurrent layers' weights, by layer name, from all other parameters."""
    layers: dict[str, LayerWeights] = {}
    others = dict(arrays)
    for node in model.recurrent:
        dot = f"{node.name}." if node.name else ""
        for index, suffix in enumerate(node.config.suffixes()):
            parts = node.config.shapes(index // node.config.directions)
            layers[dot + suffix] = LayerWeights(
                **{part: others.pop(f"{dot}{part}_{suffix}") for part in parts}
            )
    return layers, others
