"""What each unit of a saved model is worth, without torch: the output or loss with it held at 0."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np

from glasscell.arrays import Array
from glasscell.errors import DataError
from glasscell.model import modelfile, nodes
from glasscell.model.model import Model

__all__ = ["saved_ablation"]


def saved_ablation(
    folder: str | os.PathLike[str],
    x: Array,
    loss: Callable[[Array], float] | None = None,
    layer: str | None = None,
) -> dict[str, Array]:
    """Measure how much the loss of a saved model rises when one unit after the other is held at 0.

    ``delta_u = L(h_u = 0 at every step) - L``, as `inspect.ablation` does for torch modules.

    Args:
        folder: What `glasscell.save` wrote.
        x: As for `Model.run`; the state starts at zero.
        loss: Callable on the model's output; default the mean squared difference from the output of
            the whole network, which is 0 for a unit that nothing depends on.
        layer: Name of one layer ("encoder.l0"); default all.

    Returns:
        Layer name to (H,) float64; above 0 the unit helps, with the default loss it matters.

    Raises:
        FileNotFoundError, WeightFormatError: As `glasscell.load`.
        DataError: No such layer.

    Notes:
        H + 1 runs per layer. A unit is off because its candidate's weights are 0 (an RNN's own
        row): what is never written is never shown. With a projection a unit is one of the cell.

    >>> import tempfile
    >>> tree = {"type": "RNN", "mode": "RNN_RELU", "input_size": 1, "hidden_size": 2,
    ...         "num_layers": 1, "bias": False, "batch_first": False, "bidirectional": False,
    ...         "proj_size": 0, "weights": ""}
    >>> arrays = {"weight_ih_l0": np.array([[3.0], [0.0]]), "weight_hh_l0": np.zeros((2, 2))}
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     saved_ablation(modelfile.write(parent + "/m", tree, arrays), np.ones((4, 1, 1)))
    {'l0': array([4.5, 0. ])}
    """
    tree, arrays = nodes.expand(*modelfile.read(folder))
    whole = Model(tree, arrays)
    truth = whole.run(x).output
    worth = loss or (lambda output: float(np.square(output - truth, dtype=np.float64).mean()))
    start = worth(truth)
    places = {
        (f"{node.name}.{suffix}" if node.name else suffix): (node, suffix)
        for node in whole.recurrent
        for suffix in node.config.suffixes()
    }
    if layer is not None and layer not in places:
        raise DataError(f"expected a layer among {', '.join(places)}, got {layer!r}")

    def without(node: nodes.Recurrent, suffix: str, unit: int) -> float:
        cut, row = dict(arrays), unit + 2 * node.config.hidden_size * (node.config.mode == "LSTM")
        for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            name = f"{node.name}.{part}_{suffix}" if node.name else f"{part}_{suffix}"
            if name in cut:
                cut[name] = cut[name].copy()
                cut[name][row] = 0.0
        return worth(Model(tree, cut).run(x).output) - start

    return {
        name: np.array([without(node, suffix, u) for u in range(node.config.hidden_size)])
        for name, (node, suffix) in places.items()
        if layer in (None, name)
    }
