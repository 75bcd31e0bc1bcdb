"""What each unit is worth: the loss with its output held at 0."""

from __future__ import annotations

from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.errors import DataError
from glasscell.inspect.subjects import Looked, subject_of
from glasscell.inspect.subjects.subject import Loss

__all__ = ["ablation"]


def ablation(
    model: Looked, x: Any, loss: Loss | None = None, layer: str | None = None
) -> dict[str, Array]:
    """Measure how much the loss rises when one unit after the other is held at 0.

    ``delta_u = L(h_u = 0 at every step) - L``, the network otherwise as it is: the unit is gone for
    the layer above, for the loss and for the layer's own next steps.

    Args:
        model: A torch module with recurrent layers, on the CPU; or, without torch, what
            `glasscell.load` gave, or a folder of `glasscell.save`.
        x: What the model is called with; a tuple is several positional arguments. For a saved model
            as for `Model.run`; the state starts at zero.
        loss: Callable on the model's output that gives a number; of a saved model also with its
            gradient, as for `glasscell.gradient_flow`. Default the mean squared change of the
            output, which is 0 for a unit that nothing depends on.
        layer: Name of one layer ("encoder.l0") as in `glasscell.trace`; default all.

    Returns:
        Layer name to (H,) float64; above 0 the unit helps, below 0 it harms; with the default loss
        it matters.

    Raises:
        TypeError: `model` is none of these, or x an array that it cannot read.
        DataError: It has no layer whose units its own weights can hold at 0, or no such layer.
        ValueError: A hook of a torch module makes a layer's weights anew at every call.
        FileNotFoundError, WeightFormatError: As `glasscell.load`.

    Notes:
        H + 1 forward passes per layer, without gradients and in eval mode. The unit's output gate
        is closed for good by its own weights (0 and a bias of -10000), for a GRU its update gate,
        with the candidate at 0; for an RNN its row is set to 0. Of a torch module, parameters,
        buffers, training modes and torch's random state are put back to the bit; a hidden state
        given from outside is read at the first step before the unit is at 0; cells, an LSTM or GRU
        without biases, and layer norm are left out. With a projection a unit is an entry of the
        cell. docs/decisions/ablation.md says why.

    >>> import torch
    >>> model = torch.nn.RNN(1, 2)
    >>> _ = [parameter.data.fill_(0) for parameter in model.parameters()]
    >>> _ = model.weight_ih_l0.data[1].fill_(10)
    >>> ablation(model, torch.ones(3, 1, 1), lambda out: (1 - out[0][..., 1]).square().mean())
    {'l0': array([0., 1.])}
    """
    subject = subject_of(model)
    units = subject.units
    if not units or (layer is not None and layer not in units):
        wanted = "an LSTM, GRU or RNN with biases" if layer is None else f"the layer {layer!r}"
        raise DataError(f"expected {wanted} in the model; it has: {', '.join(units) or 'none'}")
    with subject.holding(x, loss) as value:
        whole = value(None)
        return {
            name: np.array([value((name, unit)) - whole for unit in range(count)])
            for name, count in units.items()
            if layer in (None, name)
        }
