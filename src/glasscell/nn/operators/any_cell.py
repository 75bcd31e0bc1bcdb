"""A call of a `Recurrent` as operators: `traced` for layers whose cell is anyone's.

Nothing here looks at numbers, at memory or at the cell itself, whose code nobody can trace; what a
call has to know of the cell is `Told` when the layer is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import dropout

from glasscell.cells import Cell, Mask
from glasscell.nn.operators.schema import Maybe, text_of
from glasscell.nn.operators.traced import ends_of

__all__ = ["Told", "run_cells", "suits_cells", "told"]

_PRECISIONS = (torch.float32, torch.float64)


class Told(NamedTuple):
    """What a layer's calls know of its cell."""

    text: str  # see `schema.text_of`
    states: tuple[str, ...]  # their names
    initial: tuple[float, ...]  # what they start from
    masks: tuple[Mask, ...]  # in the order of the program for training


def told(mode: str | Cell, cell: Cell) -> Told:
    """Tell of a cell all that its layer's calls have to know.

    >>> from glasscell.cells import GRU
    >>> told("GRU", GRU())
    Told(text='GRU', states=('hidden',), initial=(0.0,), masks=())
    """
    initial = tuple(float(cell.initial.get(letter, 0.0)) for letter in cell.states)
    masks = tuple(cell.masks[letter] for letter in cell.program.masks)
    return Told(text_of(mode), tuple(cell.states.values()), initial, masks)


def suits_cells(input: Any, hx: Any, weights: Sequence[Maybe]) -> bool:
    """Tell whether the operators compute a call; what is wrong with it is for the layer to say.

    Args:
        input: As passed to the layer.
        hx: As passed to it.
        weights: Of all its layers and directions.
    """
    if not isinstance(input, Tensor) or input.dim() not in (2, 3):
        return False
    states = [] if hx is None else list(hx) if isinstance(hx, tuple | list) else [hx]
    given = [input, *states, *weights]
    return (
        all(isinstance(t, Tensor) and t.is_cpu and t.layout is torch.strided for t in given)
        and weights[0] is not None
        and weights[0].dtype in _PRECISIONS
        and all(w is not None and w.dtype is weights[0].dtype for w in weights)
    )


def run_cells(
    module: Any,
    input: Tensor,
    hx: Any,
    ends: tuple[Any, Maybe],
    weights: Sequence[Sequence[Tensor]],
    low: torch.dtype | None,
) -> Any:
    """Run all layers of a `Recurrent` over a batch of sequences, an operator for each.

    Args:
        module: The layer, which has checked the input.
        input: As passed to it, padded.
        hx: As passed to it.
        ends: lengths and reset as passed to it.
        weights: Of each layer, of one direction after the other.
        low: The dtype that autocast asks for, None for none.

    Raises:
        ShapeError: States, lengths or reset do not fit the input.
        DtypeError: They are of another dtype.
    """
    unbatched = input.dim() == 2
    first = module.batch_first and not unbatched
    x = input.unsqueeze(1) if unbatched else input.transpose(0, 1) if first else input
    lengths, reset = ends_of(x, *ends, unbatched=unbatched, batch_first=first)
    states = module._initial(input, hx, x, x.shape[1], low)
    if low is not None:
        x, states = x.float(), [None if s is None else s.float() for s in states]
    h0 = states[0]
    c0 = None if len(states) == 1 or states[1] is None else torch.cat(states[1:], -1)
    sides = 2 if module.bidirectional else 1
    finals: list[list[Tensor]] = []
    for k, own in enumerate(weights):
        if k > 0 and module.training and module.dropout > 0:
            x = dropout(x, module.dropout, training=True)
        part = slice(k * sides, (k + 1) * sides)
        x, *final = torch.ops.glasscell.layer.default(
            x,
            None if h0 is None else h0[part],
            None if c0 is None else c0[part],
            own,
            module._told.text,
            sides,
            lengths,
            reset,
            masks=_masks(module, x, sides),
        )
        finals.append(final)
    after = [torch.cat([final[s] for final in finals]) for s in range(len(finals[0]))]
    if len(after) > 1:
        after = [after[0], *after[1].chunk(len(module._told.states) - 1, -1)]
    return module._results(input, x, after, low)


def _masks(module: Any, x: Tensor, sides: int) -> Maybe:
    """Draw the masks of one layer, see `schema.Forward`; None outside training."""
    if not module.training or not module._told.masks:
        return None
    sizes = x.shape[0], x.shape[1], module.hidden_size
    return torch.stack([_drawn(module._told.masks, *sizes, x) for _ in range(sides)])


def _drawn(masks: Sequence[Mask], steps: int, batch: int, hidden_size: int, x: Tensor) -> Tensor:
    """Give what `nn.masks.draw` gives, with no edit in place, which would fix T in a graph."""
    rows = steps if any(mask.each == "step" for mask in masks) else 1
    uniform = torch.rand(rows, batch, len(masks), hidden_size, dtype=x.dtype, device=x.device)
    found = []
    for k, mask in enumerate(masks):
        values = uniform[:, :, k]
        if mask.each == "sequence":
            values = values[:1].expand_as(values)
        on = values < mask.probability
        if mask.off != 0:
            found.append(torch.where(on, mask.on, mask.off).to(x.dtype))
        else:
            found.append(on.to(x.dtype) * mask.on)
    return torch.stack(found, 2)
