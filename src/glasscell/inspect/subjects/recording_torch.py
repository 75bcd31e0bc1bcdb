"""Runs a torch module once with everything recorded; all that a page needs of torch."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glasscell.arrays import Array
from glasscell.cells.parameters import LayerWeights
from glasscell.errors import DtypeError, WeightFormatError
from glasscell.inspect.subjects.subject import Recording, batched, split
from glasscell.inspect.units.ablation import ablation, evaluating
from glasscell.model import modelfile
from glasscell.model.model import Model

if TYPE_CHECKING:
    import torch

__all__ = ["torch_recording"]


def torch_recording(
    model: torch.nn.Module, x: Any, loss: Callable[[Any], torch.Tensor] | None
) -> tuple[Recording, Array | None]:
    """Run a torch module in eval mode, and take its gradients.

    Args:
        model: Any module with recurrent layers.
        x: (B, T, I) or (T, I), array or tensor; (B, T) integers.
        loss: As for `glasscell.gradient_flow`; None for the sum of the last step's output
            (where layers read both ways, of the last and the first).

    Returns:
        The recording, and x as (B, T, I), None if it is integers.
    """
    import torch

    import glasscell
    from glasscell.inspect.subjects.torch_model import recurrent_modules

    modules = recurrent_modules(model)
    first = all(getattr(module, "batch_first", True) for module in modules.values())
    tensor = torch.as_tensor(x)
    whole = tensor.is_floating_point()
    batch = batched(tensor.detach().cpu().numpy(), indices=not whole)
    given = torch.from_numpy(np.ascontiguousarray(batch if first else batch.swapaxes(0, 1)))
    if whole:
        given = given.to(next(model.parameters()).dtype)
    both = any(getattr(module, "bidirectional", False) for module in modules.values())
    with evaluating(model):
        with glasscell.trace(model) as trace, torch.no_grad():
            result = model(given)
        ends = loss or (lambda out: _ends(out, first, both))
        flow = glasscell.gradient_flow(model, given, ends)
    output = _tensor(result)
    answer = None if output is None else output.detach().cpu().numpy()
    if answer is not None and not first and answer.ndim == 3:
        answer = answer.swapaxes(0, 1)
    tree, others = _saved(model)
    can_be_cut = _can_be_cut(modules)

    def ablate(rows: Sequence[int]) -> Mapping[str, Array]:
        assert output is not None
        which = torch.tensor(rows)
        some = given.index_select(0 if first else 1, which)
        truth = output.index_select(0 if first or output.ndim < 3 else 1, which)

        def change(result: Any) -> torch.Tensor:
            now = _tensor(result)
            assert now is not None
            return (now - truth).square().mean()

        with warnings.catch_warnings():
            # torch says how it runs a projection, which concerns nobody here.
            warnings.filterwarnings("ignore", "LSTM with projections", UserWarning)
            return ablation(model, some, change)

    found = Recording(
        traces={name: trace[name] for name in trace}, weights=_torch_weights(modules),
        output=answer, flow=flow, model=tree, parameters=others,
        indices=None if whole else batch,
        ablate=ablate if can_be_cut and answer is not None else None,
        cost=partial(ablation, model, given, loss) if can_be_cut and loss is not None else None,
    )  # fmt: skip
    return found, batch if whole else None


def _can_be_cut(modules: Mapping[str, torch.nn.Module]) -> bool:
    """Whether `inspect.ablation` knows every one of them."""
    from glasscell.inspect.subjects.torch_model import is_cell

    return not any(is_cell(one) or not getattr(one, "bias", False) for one in modules.values())


def _tensor(result: Any) -> torch.Tensor | None:
    """The output of a model: itself, or the first of several."""
    import torch

    while isinstance(result, tuple | list) and result:
        result = result[0]
    return result if isinstance(result, torch.Tensor) else None


def _ends(result: Any, batch_first: bool, both: bool) -> torch.Tensor:
    """The last step's output, summed; where layers read both ways, the first step's too."""
    output = _tensor(result)
    if output is None:
        raise TypeError(
            f"expected a model that gives a tensor, got {type(result).__name__}; pass a loss"
        )
    if output.ndim < 3:
        return output.sum()
    steps = output.swapaxes(0, 1) if batch_first else output
    return steps[-1].sum() + (steps[0].sum() if both else 0.0)


def _torch_weights(modules: Mapping[str, torch.nn.Module]) -> dict[str, LayerWeights]:
    from glasscell.inspect.subjects.torch_model import is_cell, layer_name

    found: dict[str, LayerWeights] = {}
    for name, module in modules.items():
        suffixes = [""] if is_cell(module) else _suffixes(module)
        for suffix in suffixes:
            found[layer_name(name, suffix or "cell")] = _layer_weights(module, suffix)
    return found


def _layer_weights(module: torch.nn.Module, suffix: str) -> LayerWeights:
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
    values = {part: getattr(module, f"{part}_{suffix}" if suffix else part, None) for part in names}
    # A cell without biases has the attribute all the same, as None.
    return LayerWeights(
        **{part: value.detach().numpy() for part, value in values.items() if value is not None}
    )


def _suffixes(module: Any) -> list[str]:
    ends = ("", "_reverse")[: 2 if module.bidirectional else 1]
    return [f"l{layer}{end}" for layer in range(module.num_layers) for end in ends]


def _saved(model: torch.nn.Module) -> tuple[Mapping[str, Any] | None, dict[str, Array]]:
    """What `glasscell.save` would write, or nothing for a model that it refuses."""
    import glasscell

    with tempfile.TemporaryDirectory() as place:
        try:
            tree, arrays = modelfile.read(glasscell.save(model, Path(place) / "model"))
        except (WeightFormatError, DtypeError):
            return None, {}
    return tree, split(Model(tree, arrays), arrays)[1]
