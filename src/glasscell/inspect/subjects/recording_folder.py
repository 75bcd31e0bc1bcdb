"""Runs a folder that `glasscell.save` wrote, once and with everything recorded, without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.errors import DataError
from glasscell.inspect.subjects.saved_flow import Loss, saved_flow
from glasscell.inspect.subjects.subject import Recording, batched, split
from glasscell.inspect.units.saved_ablation import saved_ablation
from glasscell.model import modelfile, nodes
from glasscell.model.model import Model

__all__ = ["folder_recording"]


def folder_recording(folder: Path, x: Any, loss: Loss | None) -> tuple[Recording, Array | None]:
    """Run a folder that `glasscell.save` wrote, and take its gradients.

    Args:
        folder: config.json and model.safetensors; compressed weights are shown as the float32 ones
            that they stand for.
        x: (B, T, I) or (T, I); integers (B, T) or (T,) for a model that begins with an Embedding.
        loss: As for `glasscell.inspect.saved_flow`.

    Returns:
        The recording, and x as (B, T, I), None if it is integers.
    """
    tree, arrays = nodes.expand(*modelfile.read(folder))
    model = Model(tree, arrays)
    if not model.recurrent:
        raise DataError(f"{folder}: expected a model with an LSTM or RNN, got {model}")
    batch = np.asarray(x)
    if np.issubdtype(batch.dtype, np.floating):
        batch = batch.astype(model.dtype)
    batch = batched(batch, indices=model.input_size is None)
    first = any(node.config.batch_first for node in model.recurrent)
    given = batch if first else batch.swapaxes(0, 1).copy()
    run = model.run(given, trace=True)
    output = run.output if first or run.output.ndim < 3 else run.output.swapaxes(0, 1)
    weights, others = split(model, arrays)

    def ablate(rows: Sequence[int]) -> Mapping[str, Array]:
        return saved_ablation(folder, np.take(given, rows, axis=0 if first else 1))

    found = Recording(
        traces=run.trace or {},
        weights=weights,
        output=output,
        flow=saved_flow(folder, given, loss),
        model=tree,
        parameters=others,
        indices=batch if model.input_size is None else None,
        ablate=ablate,
        cost=None if loss is None else partial(saved_ablation, folder, given, lambda y: loss(y)[0]),
    )
    return found, None if model.input_size is None else batch
