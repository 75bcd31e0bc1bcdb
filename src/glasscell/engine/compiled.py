"""A cell's step and its derivative as the compiled core runs them, made once for a cell."""

from __future__ import annotations

from collections.abc import Iterable
from weakref import finalize

import numpy as np

from glasscell import _core
from glasscell.cells import Cell
from glasscell.cells.catalogue import mode_of
from glasscell.cells.operations import Operation

__all__ = ["compiled", "kernel_of"]

# By identity: comparing two cells compares their programs, and layers are packed in every step of
# a training.
_KERNELS: dict[int, str | _core.Cell] = {}


def kernel_of(cell: Cell) -> str | _core.Cell:
    """Give what runs a cell: the name of a kernel made for it, else its program.

    >>> from glasscell.cells import GRU
    >>> kernel_of(GRU())
    'GRU'
    """
    if id(cell) not in _KERNELS:
        mode = mode_of(cell)
        _KERNELS[id(cell)] = mode if isinstance(mode, str) else compiled(cell)
        finalize(cell, _KERNELS.pop, id(cell), None)
    return _KERNELS[id(cell)]


def compiled(cell: Cell) -> _core.Cell:
    """Make the program of a cell's step, and of its derivatives, for the core.

    Args:
        cell: Any cell; its masks are inputs, and stand for their values of evaluation where a run
            is given none.
    """
    program, back = cell.program, cell.reverse
    gates = list(cell.gates)
    return _core.Cell(
        gates=len(gates),
        sums=[(gates.index(one.gate), one.reads) for one in program.sums],
        state_slots=[back.kept.index(value) for value in program.outputs[1:]],
        vectors=list(program.vectors),
        masks=[float(cell.masks[name].evaluation) for name in program.masks],
        initial=[float(cell.initial.get(letter, 0.0)) for letter in program.states],
        step=_program(program.inputs, program.operations, program.outputs, back.kept),
        reverse=_program(back.inputs, back.operations, back.outputs, ()),
        flow=_program(back.inputs, back.operations, back.outputs + back.totals, ()),
        hidden_mask=program.masks.index(of_h) if (of_h := cell.hidden_mask) else -1,
    )


def _program(
    inputs: int, operations: Iterable[Operation], outputs: Iterable[int], kept: Iterable[int]
) -> _core.Program:
    constants: list[float] = []
    rows: list[tuple[str | int, ...]] = []
    for one in operations:
        if one.value is None:
            rows.append((one.name, *one.operands))
        else:
            rows.append((one.name, len(constants)))
            constants.append(one.value)
    return _core.Program(inputs, rows, np.array(constants, np.float64), list(outputs), list(kept))
