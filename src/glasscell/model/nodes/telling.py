"""What a forecast tells beside its point: quantiles, or a Student-t distribution, of every step.

Written in sums, products and quotients, which NumPy and torch round alike: the same bits. (A square
root they do not.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from glasscell.model.nodes.fields import Fields, refuse

__all__ = ["Telling", "read_telling"]

QUANTILES, STUDENT_T = "quantiles", "student-t"
LEAST_SCALE, LEAST_DEGREES = 1e-4, 2.0
"""Of a Student-t distribution: so that its density is bounded, and its variance finite."""


@dataclass(frozen=True)
class Telling:
    """How the numbers of a layer become the spread around a point.

    With s(x) = 1 + x for x > 0, else 1 / (1 - x), which is positive, smooth and rises::

        quantiles:  q_k = q_{k-1} + s(x_k) above the median, q_k = q_{k+1} - s(x_k) below it
        student-t:  location, scale = s(x_1) + 0.0001, degrees of freedom = s(x_2) + 2

    Args:
        kind: "quantiles" or "student-t".
        quantiles: In (0, 1), rising, an odd number of them around 0.5; none for Student-t.

    >>> import numpy as np
    >>> told = Telling("quantiles", (0.1, 0.5, 0.9)).of(np.array([5.0]), np.zeros(2), np)
    >>> told.tolist()
    [[4.0, 5.0, 6.0]]
    """

    kind: str
    quantiles: tuple[float, ...] = ()

    @property
    def numbers(self) -> int:
        """Numbers of the layer for each step."""
        return 2 if self.kind == STUDENT_T else len(self.quantiles) - 1

    def of(self, point: Any, raw: Any, library: Any) -> Any:
        """Give what is told.

        Args:
            point: (..., horizon) medians, or locations.
            raw: (..., horizon * numbers) of the layer.
            library: NumPy or torch, whose arrays these are.

        Returns:
            (..., horizon, P) quantiles, or location, scale and degrees of freedom.
        """
        x = raw.reshape(*point.shape, self.numbers)
        size = abs(x)
        away = 0.5 * (size + x) + 1.0 / (1.0 + 0.5 * (size - x))
        if self.kind == STUDENT_T:
            told = [point, away[..., 0] + LEAST_SCALE, away[..., 1] + LEAST_DEGREES]
            return library.stack(told, -1)
        middle = self.numbers // 2
        below, above = [point], [point]
        for k in range(middle):
            below.append(below[-1] - away[..., middle - 1 - k])
            above.append(above[-1] + away[..., middle + k])
        return library.stack([*reversed(below), *above[1:]], -1)

    def node(self) -> dict[str, Any]:
        """Give the field of config.json."""
        return {"kind": self.kind, "quantiles": list(self.quantiles)}


def read_telling(fields: Fields) -> Telling:
    """Read what `Telling.node` gave.

    Args:
        fields: The field of config.json.

    Raises:
        WeightFormatError: It is none.
    """
    path, kind, quantiles = fields.path, fields.text("kind"), fields.children("quantiles")
    fields.finish()
    if kind == STUDENT_T and not quantiles:
        return Telling(STUDENT_T)
    known = [float(q) for q in quantiles if isinstance(q, float)]
    rising = sorted({0.0, *known, 1.0}) == [0.0, *known, 1.0]
    if kind != QUANTILES or len(known) != len(quantiles) or not rising or len(known) < 3:
        refuse(path, "expected student-t, or quantiles in (0, 1), rising")
    if len(known) % 2 == 0 or known[len(known) // 2] != 0.5:
        refuse(path, f"expected as many quantiles below 0.5 as above it, got {known}")
    return Telling(QUANTILES, tuple(known))
