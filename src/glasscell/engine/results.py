"""What the engine takes and gives: packed layers, weights, results."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from glasscell.arrays import Array

if TYPE_CHECKING:
    from glasscell._core import (
        LayerF32,
        LayerF64,
        LinearF32,
        LinearF64,
        StepperF32,
        StepperF64,
        StreamPoolF32,
        StreamPoolF64,
    )

__all__ = [
    "LayerGrads",
    "LayerRun",
    "PackedLayer",
    "PackedLinear",
    "Stepper",
    "StreamPool",
    "Weights",
]

PackedLayer: TypeAlias = "LayerF32 | LayerF64"
PackedLinear: TypeAlias = "LinearF32 | LinearF64"
Stepper: TypeAlias = "StepperF32 | StepperF64"
StreamPool: TypeAlias = "StreamPoolF32 | StreamPoolF64"


class Weights(Protocol):
    """What `pack` reads: torch's matrices of one layer in one direction, None where absent."""

    @property
    def weight_ih(self) -> Array: ...  # noqa: D102
    @property
    def weight_hh(self) -> Array: ...  # noqa: D102
    @property
    def bias_ih(self) -> Array | None: ...  # noqa: D102
    @property
    def bias_hh(self) -> Array | None: ...  # noqa: D102
    @property
    def weight_hr(self) -> Array | None: ...  # noqa: D102


class LayerRun(NamedTuple):
    """What `forward` returns."""

    output: Array  # (T, B, P) or packed (N, P)
    h_n: Array  # (B, P)
    c_n: Array | None  # (B, H); None for the RNN
    tape: Array | None  # (T, B, 5, Hp) or (N, 5, Hp): i f g o c, Hp >= H; None unless asked for


class LayerGrads(NamedTuple):
    """What `backward` returns; a part that was not wanted or does not exist is None."""

    x: Array | None
    h0: Array
    c0: Array | None
    weight_ih: Array | None
    weight_hh: Array | None
    bias: Array | None  # of bias_ih and of bias_hh alike
    weight_hr: Array | None
    dh: Array | None  # total dL/dh_t (T, B, P), only with flow=True
    dc: Array | None  # total dL/dC_t (T, B, H), only with flow=True


class StackRun(NamedTuple):
    """What `forward_stack` returns: the last layer's output, and every layer's last state."""

    output: Array  # (T, B, P)
    h_n: Array  # (L, B, P)
    c_n: Array | None  # (L, B, H); None for an RNN
