"""What a new layer's parameters start from: named choices, the same for every cell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from glasscell.cells import Cell, evaluate
from glasscell.nn.names import ROLES

__all__ = ["INITS", "check", "keepers", "start"]

INITS = ("torch", "orthogonal", "chrono")
"""Names of the choices, see `start`."""


def check(
    cell: Cell, init: str, forget_bias: float | None, lag: float | None, *, bias: bool
) -> None:
    """Check what `start` is to be given.

    Raises:
        ValueError: A name that there is not, or choices that do not fit the cell or each other.
    """
    if init not in INITS:
        raise ValueError(f"init: expected one of {', '.join(INITS)}, got {init!r}")
    if (lag is not None) != (init == "chrono"):
        raise ValueError(
            f"lag: expected the longest lag of the data, in steps, with init='chrono' and with it "
            f"alone, got init={init!r} and lag={lag!r}"
        )
    if lag is not None and not lag > 2:
        raise ValueError(f"lag: expected more than 2 steps, got {lag!r}")
    if init == "orthogonal" and cell.recurrent != "full":
        raise ValueError(f"init: expected a cell with a matrix R to be orthogonal, got {cell!r}")
    if init == "chrono" and forget_bias is not None:
        raise ValueError(
            "forget_bias: expected None with init='chrono', which sets the same biases, got "
            f"{forget_bias!r}"
        )
    if forget_bias is not None and not math.isfinite(forget_bias):
        raise ValueError(f"forget_bias: expected a finite number or None, got {forget_bias!r}")
    if init == "chrono" or forget_bias is not None:
        asked = "init='chrono'" if init == "chrono" else "forget_bias"
        if not bias:
            raise ValueError(f"bias: expected biases with {asked}, got bias=False")
        if not keepers(cell):
            raise ValueError(
                f"{asked}: expected a cell with a gate that says what a state keeps, got {cell!r}"
            )


def keepers(cell: Cell) -> dict[str, int]:
    """Tell which gates decide what a cell's states keep, from its derivatives.

    Returns:
        Letter of the gate to 1 where a larger sum keeps more (the forget gate of an LSTM, the
        update gate of torch's GRU), to -1 where it keeps less (the update gate of a minGRU; an
        input gate beside a forget gate too, which lets in what takes the place).

    >>> from glasscell.cells import GRU, LSTM
    >>> from glasscell.cells.zoo import MinGRU
    >>> keepers(LSTM()), keepers(GRU()), keepers(MinGRU())
    ({'i': -1, 'f': 1}, {'z': 1}, {'z': -1})
    """
    found = {}
    program = cell.evaluation
    paths = [
        value
        for (after, kind, before), value in cell.partials.by.items()
        if kind == "state" and after == before
    ]
    # Near rest, where a clipped cell is not at its bounds, and with vectors as they start.
    at_rest = [0.0] * len(program.sums) + [0.01] * len(program.states)
    at_rest += [cell.starts.get(name, 0.0) for name in program.vectors]
    resting = [np.full((1, 1), number) for number in at_rest]
    for letter in cell.gates:
        shift = cell.shift(letter)
        moved = [k for k, s in enumerate(program.sums) if s.gate == letter]
        if shift is not None:
            first = len(program.sums) + len(program.states)
            moved = [first + program.vectors.index(shift)]
        kept = []
        for number in (-1.0, 1.0):
            inputs = list(resting)
            for k in moved:
                inputs[k] = np.full((1, 1), number)
            values = evaluate(cell.partials.operations, inputs)
            kept.append(sum(float(values[path][0, 0]) for path in paths))
        if abs(kept[1] - kept[0]) > 1e-6:
            found[letter] = 1 if kept[1] > kept[0] else -1
    if any(sign > 0 for sign in found.values()):
        found |= {letter: -1 for letter, name in cell.gates.items() if name == "input"}
    return {letter: found[letter] for letter in cell.gates if letter in found}


@torch.no_grad()
def start(
    cell: Cell,
    layers: Iterable[Mapping[str, Tensor]],
    init: str = "torch",
    forget_bias: float | None = None,
    lag: float | None = None,
) -> None:
    """Set the parameters of a layer that is new.

    Args:
        cell: Of the layer.
        layers: The parameters of each layer and direction, by their names without suffix.
        init: "torch": all uniform within ±1/√H, in torch's order, so that a seed gives torch's
            numbers. "orthogonal": R of each gate orthogonal (Saxe, McClelland and Ganguli 2014,
            arXiv:1312.6120), W of each gate uniform after Glorot and Bengio (2010), biases 0.
            "chrono": as "torch", but the gates that decide what is kept start with b = ±log u, u
            uniform in 1 … lag - 1, so that units forget after 1 to lag steps (Tallec and Ollivier
            2018, arXiv:1804.11188, section 3). Vectors start from the cell's own number where it
            gives one. Default "torch".
        forget_bias: Bias with which the gates that keep start (1: Jozefowicz, Zaremba and Sutskever
            2015); of cells whose gate says what is let in, minus it. Default None, as `init` says.
        lag: For "chrono", in steps.
    """
    signs = keepers(cell) if init == "chrono" or forget_bias is not None else {}
    for parameters in layers:
        hidden_size = len(parameters["weight_ih"]) // cell.gate_count
        for name, w in parameters.items():
            if name in cell.starts:
                w.fill_(cell.starts[name])
            elif init == "orthogonal" and name in ROLES:
                _orthogonal(name, w, hidden_size)
            else:
                w.uniform_(-(hidden_size**-0.5), hidden_size**-0.5)
        if init == "chrono":
            assert lag is not None
            memory = torch.empty_like(parameters["bias_ih"][:hidden_size])
            memory.uniform_(1, lag - 1).log_()
            for letter, sign in signs.items():
                _set_bias(cell, parameters, letter, sign * memory)
        elif forget_bias is not None:
            most = max(signs.values())
            for letter in (letter for letter, sign in signs.items() if sign == most):
                _set_bias(cell, parameters, letter, most * forget_bias)


def _orthogonal(name: str, w: Tensor, hidden_size: int) -> None:
    """Set a matrix gate by gate, a bias to 0."""
    if w.dim() == 1:
        w.zero_()
        return
    if w.dim() == 3:  # one block for each head
        for block in w:
            _orthogonal(name, block, block.shape[1])
        return
    fill = torch.nn.init.orthogonal_ if name == "weight_hh" else torch.nn.init.xavier_uniform_
    for first in range(0, len(w), hidden_size):
        fill(w[first : first + hidden_size])


def _set_bias(cell: Cell, parameters: Mapping[str, Tensor], letter: str, value: Any) -> None:
    """Set what is added to a gate's sum: a vector of the cell, or both biases, which add up."""
    shift = cell.shift(letter)
    if shift is not None:
        parameters[shift][:] = value
        return
    hidden_size = len(parameters["weight_ih"]) // cell.gate_count
    first = list(cell.gates).index(letter) * hidden_size
    parameters["bias_ih"][first : first + hidden_size] = value
    if "bias_hh" in parameters:
        parameters["bias_hh"][first : first + hidden_size] = 0
