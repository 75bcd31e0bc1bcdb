"""The operators `glasscell::layer` and `glasscell::layer_backward`: what they take and give.

``layer`` is one layer in all its directions over whole sequences; ``layer_backward`` is its
derivative. Both are functions of tensors alone, so that tracers, compilers and transforms of torch
can hold a call as one node. With a first axis of members, all tensors have it: so many layers of
one kind, each with weights and sequences of its own.

Letters: M members, T time, B batch, I input, H units, P output size, D directions, S states after
the hidden one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from glasscell import cells, engine
from glasscell.cells import Cell
from glasscell.cells.parameters import LayerWeights
from glasscell.errors import CellError
from glasscell.nn.names import ROLES

__all__ = [
    "LIBRARY",
    "Backward",
    "Forward",
    "Kind",
    "Maybe",
    "cell_of",
    "kind_of",
    "members_of",
    "mode_for",
    "roles",
    "tape_shape",
    "text_of",
]

Maybe = Tensor | None

LIBRARY: Any = torch.library.Library("glasscell", "FRAGMENT")  # type: ignore[no-untyped-call]

LIBRARY.define(
    "layer(Tensor x, Tensor? h0, Tensor? c0, Tensor[] weights, str cell, int directions, "
    "Tensor? lengths=None, Tensor? reset=None, bool keep=False, Tensor? masks=None) -> Tensor[]",
    tags=(torch.Tag.pt2_compliant_tag,),
)
LIBRARY.define(
    "layer_backward(Tensor? dy, Tensor? dh_n, Tensor? dc_n, Tensor x, Tensor? h0, Tensor? c0, "
    "Tensor y, Tensor[] kept, Tensor[] weights, str cell, int directions, Tensor? lengths, "
    "Tensor? reset, bool[] needed, Tensor? masks=None) -> Tensor[]",
    tags=(torch.Tag.pt2_compliant_tag,),
)


class Forward(NamedTuple):
    """Operands of ``layer``; it gives output, h_n, c_n where S > 0, and what it keeps.

    Args:
        x: (T, B, I).
        h0: (D, B, P), None for what the cell starts from.
        c0: The states after the hidden one side by side, (D, B, S * H), None likewise.
        weights: Of one direction after the other, torch's names and order, then the cell's vectors.
        cell: Name of the cell, or its description, see `text_of`.
        directions: D.
        lengths: (B,) int64, None for all T.
        reset: (T, B) bool, None for never.
        keep: Whether to give a tape (T, B, K, Hp) of each direction too, for ``layer_backward``.
        masks: The random masks of training, (D, T, B, N, H) or (D, 1, B, N, H); None outside it.
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
    masks: Maybe = None

    @property
    def tensors(self) -> list[Maybe]:
        """What may have a gradient."""
        return [self.x, self.h0, self.c0, *self.weights]


class Backward(NamedTuple):
    """Operands of ``layer_backward``; it gives the gradients of x, h0, c0 and every weight.

    Args:
        dy, dh_n, dc_n: Gradients that arrive at the results, None for zero.
        x, h0, c0, weights, cell, directions, lengths, reset, masks: As in `Forward`.
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
    masks: Maybe = None

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
            self.reset, True, self.masks,
        )  # fmt: skip


_ROLES = {
    True: {2: (0, 1), 3: (0, 1, 4), 4: (0, 1, 2, 3), 5: (0, 1, 2, 3, 4)},
    False: {1: (0,), 2: (0, 2)},
}
"""Places of so many weights, of a cell with and without a matrix R."""


def text_of(mode: str | Cell) -> str:
    """Give a cell as an operator is told it: torch's name, or all of it as JSON.

    A graph that is saved so runs in a program that does not have the cell's class.
    """
    return mode if isinstance(mode, str) else json.dumps(mode.description())


@lru_cache(maxsize=256)
def mode_for(text: str) -> str | Cell:
    """Undo `text_of`: one object for all calls, without a step of its own.

    Raises:
        CellError: The text names no cell and describes none.

    >>> mode_for("GRU"), mode_for(text_of(cells.GRU(zoneout=0.5))).masks["z_h"].probability
    ('GRU', 0.5)
    """
    if not text.startswith("{"):
        cells.of(text)
        return text
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        raise CellError(
            f"cell: expected the JSON of a cell's description, got {text[:60]!r} … ({error})"
        ) from None
    return cells.described(given)


def cell_of(text: str) -> Cell:
    """Give the cell that `text_of` told."""
    return cells.of(mode_for(text))


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


def _counts(cell: Cell, directions: int, weights: Sequence[Any]) -> tuple[int, int]:
    """Say how many weights with a place of torch's, and how many vectors, a direction has."""
    vectors = len(cell.program.vectors)
    return len(weights) // directions - vectors, vectors


def roles(call: Any) -> list[tuple[Any, ...]]:
    """Give each direction's weights by their places, None where a layer has none, then vectors.

    >>> w = [torch.zeros(4), torch.ones(4)]
    >>> roles(Forward(w[0], None, None, w, "RNN_TANH", 1))[0][:3]
    (tensor([0., 0., 0., 0.]), tensor([1., 1., 1., 1.]), None)
    """
    cell = cell_of(call.cell)
    count, vectors = _counts(cell, call.directions, call.weights)
    there = _ROLES[cell.recurrent == "full"][count]
    found = []
    for d in range(call.directions):
        first = d * (count + vectors)
        own = call.weights[first : first + count + vectors]
        places: list[Any] = [None] * len(ROLES)
        for k, weight in zip(there, own[:count], strict=True):
            places[k] = weight
        found.append((*places, *own[count:]))
    return found


def kind_of(call: Forward) -> Kind:
    """Read a layer's sizes from its weights."""
    cell = cell_of(call.cell)
    count, _ = _counts(cell, call.directions, call.weights)
    hidden = call.weights[0].shape[-2] // cell.gate_count
    if cell.recurrent != "full":
        return Kind(hidden, hidden, False, count > 1, cell.extra_states)
    width = call.weights[1].shape[-1]
    return Kind(hidden, width, count in (3, 5), count > 3, cell.extra_states)


@lru_cache(maxsize=64)
def _tape_of(cell: str, hidden: int, double: bool) -> tuple[int, int]:
    found = cell_of(cell)
    rows = found.gate_count * hidden
    shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, 1)}
    if found.recurrent == "full":
        shapes["weight_hh"] = rows, hidden
    shapes |= dict.fromkeys(found.program.vectors, (hidden,))
    dtype = np.float64 if double else np.float32
    arrays = {name: np.zeros(shape, dtype) for name, shape in shapes.items()}
    layer = engine.pack(mode_for(cell), LayerWeights.named(arrays, hidden))
    return layer.kept, layer.padded_size


def tape_shape(cell: str, hidden: Any, dtype: torch.dtype) -> tuple[int, int]:
    """Give how many values of a unit a tape keeps for each step, 0 for none; and the padded H."""
    return _tape_of(cell, int(hidden), dtype is torch.float64)
