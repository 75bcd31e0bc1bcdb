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
    c_n: Array | None  # states after h: (B, H) of one, (B, S, H) of more; None without
    tape: Array | None  # (T, B, kept, Hp) or (N, kept, Hp), Hp >= H; None unless asked for


class LayerGrads(NamedTuple):
    """What `backward` returns; a part that was not wanted or does not exist is None."""

    x: Array | None
    h0: Array
    c0: Array | None
    weight_ih: Array | None
    weight_hh: Array | None  # also None of a cell that never reads R h
    bias: Array | None  # of bias_ih, and of bias_hh too where `bias_hh` is None
    weight_hr: Array | None
    dh: Array | None  # total dL/dh_t (T, B, P), only with flow=True
    dc: Array | None  # total dL/dC_t (T, B, H) or (T, B, S, H), only with flow=True
    bias_hh: Array | None = None  # of a cell with sums of x alone or h alone: the GRU
    vectors: Array | None = None  # (V, H), in the order of the packed layer's `vectors`


class StackRun(NamedTuple):
    """What `forward_stack` returns: the last layer's output, and every layer's last state."""

    output: Array  # (T, B, P)
    h_n: Array  # (L, B, P)
    c_n: Array | None  # (L, B, H) or (L, B, S, H); None without states after h
