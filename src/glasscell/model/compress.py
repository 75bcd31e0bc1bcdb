"""Write a model folder with compressed weights: half or a quarter of the size."""

from __future__ import annotations

import os
from pathlib import Path

from glasscell.cells.compact import COMPRESSED
from glasscell.model import modelfile, nodes
from glasscell.model.model import Model

__all__ = ["compress"]


def compress(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    weights: str,
    force: bool = False,
) -> Path:
    """Write a copy of a model folder whose recurrent weights are bfloat16 or int8.

    Args:
        folder: A model folder that `glasscell.save` wrote, in float32.
        out: A new folder; its parents are created.
        weights: "bfloat16" or "int8", with one scale for each unit and gate. Biases, a
            cell's vectors, Linear, Embedding and LayerNorm stay float32.
        force: Write into a folder that exists, as `glasscell.save` does; default False.

    Returns:
        The new folder. `load` gives from it, to the bit, the model that `load(folder, weights)`
        gives.

    Raises:
        FileNotFoundError: There is no such folder.
        FileExistsError: `out` exists, or holds another program's config.json.
        ValueError: `weights` is no compressed storage.
        WeightFormatError: The folder is damaged, is not float32, has no recurrent layer, or has
            weights that int8 cannot hold.

    Notes:
        Needs no torch. Other programs can read the file: bfloat16 weights are BF16 tensors under
        torch's names, int8 weights I8 tensors beside F32 tensors of scales.

    >>> import tempfile
    >>> import numpy as np
    >>> from glasscell.model.model import load
    >>> tree = {"type": "RNN", "mode": "RNN_RELU", "input_size": 2, "hidden_size": 1,
    ...         "num_layers": 1, "bias": False, "batch_first": False, "bidirectional": False,
    ...         "proj_size": 0, "weights": ""}
    >>> arrays = {"weight_ih_l0": np.array([[1, -0.25]], np.float32),
    ...           "weight_hh_l0": np.array([[0.5]], np.float32)}
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     folder = modelfile.write(parent + "/full", tree, arrays)
    ...     model = load(compress(folder, parent + "/small", "int8"))
    >>> model
    Model(RNN, input_size=2, output_size=1, float32 with int8 weights, 3 parameters)
    >>> model.run(np.array([[1, 0], [0, 4]], np.float32)).output.round(3).tolist()
    [[1.0], [0.0]]
    """
    if weights not in COMPRESSED:
        raise ValueError(f"weights: expected one of {', '.join(COMPRESSED)}, got {weights!r}")
    tree, arrays = modelfile.read(folder)
    Model(tree, arrays, weights)  # What does not load so is not written.
    return modelfile.write(out, *nodes.compress(tree, arrays, weights), force)
