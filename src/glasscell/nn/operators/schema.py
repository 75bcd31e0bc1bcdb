"""The operators `glasscell::layer` and `glasscell::layer_backward`: what they take and give.

``layer`` is one layer in all its directions over whole sequences; ``layer_backward`` is its
derivative. Both are functions of tensors alone, so that tracers, compilers and transforms of torch
can hold a call as one node. With a first axis of members, all tensors have it: so many layers of
one kind, each with weights and sequences of its own.

Letters: M members, T time, B batch, I input, H units, P output size, D directions, S states after
the hidden one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from glasscell import cells, engine
from glasscell.cells.parameters import LayerWeights

__all__ = [
    "LIBRARY",
    "Backward",
    "Forward",
    "Kind",
    "Maybe",
    "kind_of",
    "members_of",
    "roles",
    "tape_shape",
]

Maybe = Tensor | None

LIBRARY: Any = torch.library.Library("glasscell", "FRAGMENT")  # type: ignore[no-untyped-call]

LIBRARY.define(
    "layer(Tensor x, Tensor? h0, Tensor? c0, Tensor[] weights, str cell, int directions, "
    "Tensor? lengths=None, Tensor? reset=None, bool keep=False) -> Tensor[]",
    tags=(torch.Tag.pt2_compliant_tag,),
)
LIBRARY.define(
    "layer_backward(Tensor? dy, Tensor? dh_n, Tensor? dc_n, Tensor x, Tensor? h0, Tensor? c0, "
    "Tensor y, Tensor[] kept, Tensor[] weights, str cell, int directions, Tensor? lengths, "
    "Tensor? reset, bool[] needed) -> Tensor[]",
    tags=(torch.Tag.pt2_compliant_tag,),
)


class Forward(NamedTuple):
    """Operands of ``layer``; it gives output, h_n, c_n where S > 0, and what it keeps.

    Args:
        x: (T, B, I).
        h0: (D, B, P), None for zeros.
        c0: The states after the hidden one side by side, (D, B, S * H), None for zeros.
        weights: Of one direction after the other, torch's names and order.
        cell: Name of the cell.
        directions: D.
        lengths: (B,) int64, None for all T.
        reset: (T, B) bool, None for never.
        keep: Whether to give a tape (T, B, K, Hp) of each direction too, for ``layer_backward``.
    """

    x: Tensor
    h0: Maybe
    c0: Maybe
    weights: Sequence[Tensor]
    cell: str
    directions: int
    lengths: Maybe = None
    reset: Maybe = None
    keep: bool = False

    @property
    def tensors(self) -> list[Maybe]:
        """What may have a gradient."""
        return [self.x, self.h0, self.c0, *self.weights]


class Backward(NamedTuple):
    """Operands of ``layer_backward``; it gives the gradients of x, h0, c0 and every weight.

    Args:
        dy, dh_n, dc_n: Gradients that arrive at the results, None for zero.
        x, h0, c0, weights, cell, directions, lengths, reset: As in `Forward`.
        y: The output.
        kept: The tapes.
        needed: Whether the gradients of x, h0, c0, weights are; of others come empty tensors.
    """

    dy: Maybe
    dh_n: Maybe
    dc_n: Maybe
    x: Tensor
    h0: Maybe
    c0: Maybe
    y: Tensor
    kept: Sequence[Tensor]
    weights: Sequence[Tensor]
    cell: str
    directions: int
    lengths: Maybe
    reset: Maybe
    needed: Sequence[bool]

    @property
    def tensors(self) -> list[Maybe]:
        """What may have a gradient."""
        return [self.dy, self.dh_n, self.dc_n, self.x, self.h0, self.c0, *self.weights]

    @property
    def wanted(self) -> list[bool]:
        """Which of the results are needed."""
        return [*self.needed[:3], *[self.needed[3]] * len(self.weights)]

    @property
    def forward(self) -> Forward:
        """The call that this is the backward pass of."""
        return Forward(
            self.x, self.h0, self.c0, self.weights, self.cell, self.directions, self.lengths,
            self.reset, True,
        )  # fmt: skip


_ROLES = {2: (0, 1), 3: (0, 1, 4), 4: (0, 1, 2, 3), 5: (0, 1, 2, 3, 4)}


class Kind(NamedTuple):
    """What sizes of weights say of a layer."""

    hidden: Any  # H
    width: Any  # P
    projected: bool
    bias: bool
    states: int  # S

    @property
    def shown(self) -> int:
        """How many results there are without tapes."""
        return 2 + (self.states > 0)


def members_of(call: Any) -> list[Any]:
    """Give the operands of each member, the call itself where there is no axis of members."""
    if call.x.dim() == 3:
        return [call]
    members = []
    for m in range(call.x.shape[0]):
        parts: dict[str, Any] = {}
        for name, operand in call._asdict().items():
            if isinstance(operand, Tensor):
                parts[name] = operand[m]
            elif name in ("weights", "kept"):
                parts[name] = [each[m] for each in operand]
        members.append(call._replace(**parts))
    return members


def roles(directions: int, weights: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Give each direction's weights by their places, None where a layer has none.

    >>> w = [torch.zeros(4), torch.ones(4)]
    >>> roles(1, w)[0][:3]
    (tensor([0., 0., 0., 0.]), tensor([1., 1., 1., 1.]), None)
    """
    count = len(weights) // directions
    found = []
    for d in range(directions):
        places: list[Any] = [None] * 5
        for k, weight in zip(_ROLES[count], weights[d * count : (d + 1) * count], strict=True):
            places[k] = weight
        found.append(tuple(places))
    return found


def kind_of(call: Forward) -> Kind:
    """Read a layer's sizes from its weights."""
    cell, shape = cells.of(call.cell), call.weights[1].shape
    count = len(call.weights) // call.directions
    return Kind(
        shape[-2] // cell.gate_count, shape[-1], count in (3, 5), count > 3, cell.extra_states
    )


@lru_cache(maxsize=64)
def _tape_of(cell: str, hidden: int, double: bool) -> tuple[int, int]:
    rows = cells.of(cell).gate_count * hidden
    dtype = np.float64 if double else np.float32
    layer = engine.pack(
        cell,
        LayerWeights(
            weight_ih=np.zeros((rows, 1), dtype),
            weight_hh=np.zeros((rows, hidden), dtype),
            bias_ih=None,
            bias_hh=None,
        ),
    )
    return layer.kept, layer.padded_size


def tape_shape(cell: str, hidden: Any, dtype: torch.dtype) -> tuple[int, int]:
    """Give how many values of a unit a tape keeps for each step, 0 for none; and the padded H."""
    return _tape_of(cell, int(hidden), dtype is torch.float64)
