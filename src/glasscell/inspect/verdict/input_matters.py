"""What a whole model's input does: whether it reaches a layer, whether answers depend on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from glasscell.inspect.subjects.torch_model import called, unchanged
from glasscell.traces.layer import LayerTrace
from glasscell.traces.order import Order

if TYPE_CHECKING:
    import torch

__all__ = ["exchanged_loss", "sees_nothing", "varies"]


def varies(x: Any) -> bool:
    """Tell whether a model's input differs between steps or sequences.

    Args:
        x: what the model is called with; of a tuple the first counts.
    """
    first = _first(x)
    if first is None or first.numel() < 2:
        return False
    finite = first[first.isfinite()]
    return bool(finite.numel() and (finite != finite.flatten()[0]).any())


def sees_nothing(layer: LayerTrace) -> bool:
    """Tell whether a layer reads the same at all steps of all sequences, and starts from zeros.

    Args:
        layer: its trace; a decoder that reads nothing but its state is given that state.
    """
    if layer.initial_hidden is not None or layer.x is None:
        return False
    if layer.x.shape[:-1] != layer.hidden.shape[:-1]:
        return False
    order = Order(layer)
    read = order.traced("x")[order.alive]
    return len(read) > 1 and bool((read == read[0]).all())


def exchanged_loss(
    model: torch.nn.Module, x: Any, loss: Callable[[Any], torch.Tensor], layer: LayerTrace
) -> float:
    """Give the loss where each sequence is answered as the next one of the batch.

    Args:
        model: any.
        x: what it is called with; of a tuple the first is exchanged.
        loss: callable on its output.
        layer: one of its layers, for the axis of the batch.

    Returns:
        The loss; NaN where that axis is not found, or there is one sequence.
    """
    import torch

    first = _first(x)
    axis = 0 if layer.layout == "BTH" else 1
    batch = layer.alive().shape[1]
    if first is None or batch < 2 or first.dim() < 2 or first.shape[axis] != batch:
        return float("nan")
    rolled = first.roll(1, axis)
    given = (rolled, *x[1:]) if type(x) is tuple else rolled
    with unchanged(model), torch.no_grad():
        return float(loss(called(model, given)))


def _first(x: Any) -> torch.Tensor | None:
    import torch

    first = x[0] if type(x) is tuple and x else x
    if not isinstance(first, torch.Tensor):
        return None
    return first.detach()
