"""The random masks of training: which units of which sequence keep, drop or scale what.

They are drawn from torch's generator once a call, before anything runs, so that `manual_seed` and
`torch.utils.checkpoint` give the same ones again, and the backward pass reads those of the forward.
"""

from __future__ import annotations

import torch
from torch import Tensor

from glasscell.cells import Cell

__all__ = ["draw"]


def draw(cell: Cell, steps: int, batch: int, hidden_size: int, like: Tensor) -> Tensor | None:
    """Draw the masks of one layer and direction.

    Args:
        cell: Says which there are, see `glasscell.cells.Mask`.
        steps: T.
        batch: B.
        hidden_size: H.
        like: Has the dtype and the device.

    Returns:
        (T, B, M, H) in the order of the cell's program, (1, B, M, H) where none of them changes
        from step to step; None without masks.

    >>> from glasscell.cells import RNN
    >>> _ = torch.manual_seed(0)
    >>> draw(RNN(zoneout=0.5), 2, 1, 4, torch.zeros(1)).flatten()
    tensor([1., 0., 1., 1., 1., 0., 1., 0.])
    """
    masks = [cell.masks[letter] for letter in cell.program.masks]
    if not masks:
        return None
    rows = steps if any(mask.each == "step" for mask in masks) else 1
    drawn = torch.rand(rows, batch, len(masks), hidden_size, dtype=like.dtype, device=like.device)
    for mask, values in zip(masks, drawn.unbind(2), strict=True):
        if mask.each == "sequence":
            values[1:] = values[:1]
        values.lt_(mask.probability)  # to 1 and 0, in place: memory is most of what this costs
        if mask.off != 0:
            values.copy_(torch.where(values > 0, mask.on, mask.off))
        elif mask.on != 1:
            values.mul_(mask.on)
    return drawn
