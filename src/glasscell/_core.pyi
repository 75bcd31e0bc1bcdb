"""Compiled kernels; glasscell.engine is the door to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

_Array = NDArray[Any]

isa: str
isas: list[str]

def available_cpus() -> int: ...
def meeting_ns(threads: int) -> float: ...
def cpu_quota(root: str = ..., groups: str = ...) -> int: ...
def use_parallel_for(address: int) -> None: ...
def fma_burst(iterations: int) -> int: ...
def read_burst(data: _Array, passes: int) -> int: ...
def sigmoid(x: _Array, y: _Array) -> None: ...
def tanh(x: _Array, y: _Array) -> None: ...
def exp(x: _Array, y: _Array) -> None: ...
def log_sigmoid(x: _Array, y: _Array) -> None: ...

class _Program:
    def __init__(
        self,
        inputs: int,
        operations: list[tuple[str | int, ...]],  # a name of `names`, then values
        constants: _Array,  # float64; ("constant", k) is the k-th
        outputs: list[int],
        kept: list[int],
    ) -> None: ...
    names: list[str]
    @property
    def inputs(self) -> int: ...
    @property
    def outputs(self) -> int: ...
    @property
    def kept(self) -> int: ...
    @property
    def mean(self) -> bool: ...

class Program(_Program): ...

def run_program_f32(
    program: Program, inputs: _Array, keep: bool = ..., alias: bool = ...
) -> tuple[_Array, _Array | None]: ...
def run_program_f64(
    program: Program, inputs: _Array, keep: bool = ..., alias: bool = ...
) -> tuple[_Array, _Array | None]: ...

class _Cell:
    def __init__(
        self,
        *,
        gates: int,
        sums: list[tuple[int, str]],
        state_slots: list[int],
        vectors: list[str],
        masks: list[float],
        initial: list[float],
        step: Program,
        reverse: Program,
        flow: Program,
        hidden_mask: int = ...,
    ) -> None: ...

class Cell(_Cell): ...

# To a type checker they are dataclasses; cpp/bindings/addresses.cc says what each field holds.
@dataclass(frozen=True, kw_only=True)
class _Addresses:
    x: int = 0
    x_step: int = 0
    x_row: int = 0
    steps: int = 0
    batch: int = 0
    lengths: int = 0
    reset: int = 0
    batch_sizes: int = 0
    segment: int = 0
    threads: int = 0
    reverse: int = 0
    h0: int = 0
    c0: int = 0
    y: int = 0
    y_step: int = 0
    y_row: int = 0
    tape: int = 0
    cells: int = 0
    h_n: int = 0
    c_n: int = 0
    masks: int = 0
    masks_step: int = 0

class Addresses(_Addresses): ...

@dataclass(frozen=True, kw_only=True)
class _GradientAddresses:
    dy: int = 0
    dy_step: int = 0
    dy_row: int = 0
    dh_n: int = 0
    dc_n: int = 0
    dx: int = 0
    dh0: int = 0
    dc0: int = 0
    dweight_ih: int = 0
    dweight_hh: int = 0
    dbias: int = 0
    dweight_hr: int = 0
    dh: int = 0
    dc: int = 0
    dbias_hh: int = 0
    dvectors: int = 0

class GradientAddresses(_GradientAddresses): ...

class _Layer:
    def __init__(
        self,
        mode: str,
        weight_ih: _Array,
        weight_hh: _Array | None,
        bias_ih: _Array | None,
        bias_hh: _Array | None,
        weight_hr: _Array | None,
        scale: _Array | None = None,  # these two with compressed weights only
        scale_hr: _Array | None = None,
        cell: Cell | None = None,  # of mode "PROGRAM"
        vectors: _Array | None = None,
    ) -> None: ...
    def matches(
        self,
        weight_ih: _Array,
        weight_hh: _Array | None,
        bias_ih: _Array | None,
        bias_hh: _Array | None,
        weight_hr: _Array | None,
        vectors: _Array | None = None,
    ) -> bool: ...
    def matches_at(
        self,
        weight_ih: int,
        weight_hh: int,
        bias_ih: int,
        bias_hh: int,
        weight_hr: int,
        threads: int = 1,
        vectors: Sequence[int] = ...,
    ) -> bool: ...
    def forward(
        self,
        x: _Array,
        h0: _Array | None,
        c0: _Array | None,
        y: _Array,
        h_n: _Array,
        c_n: _Array | None,
        tape: _Array | None,
        lengths: _Array | None,
        reset: _Array | None,
        batch_sizes: _Array | None,
        reverse: bool,
        threads: int,
        masks: _Array | None = None,
    ) -> None: ...
    def backward(
        self,
        x: _Array,
        h0: _Array | None,
        c0: _Array | None,
        y: _Array,
        tape: _Array | None,
        dy: _Array | None,
        dh_n: _Array | None,
        dc_n: _Array | None,
        dx: _Array | None,
        dh0: _Array,
        dc0: _Array | None,
        dweight_ih: _Array | None,
        dweight_hh: _Array | None,
        dbias: _Array | None,
        dweight_hr: _Array | None,
        dh: _Array | None,
        dc: _Array | None,
        lengths: _Array | None,
        reset: _Array | None,
        batch_sizes: _Array | None,
        reverse: bool,
        threads: int,
        dbias_hh: _Array | None = None,
        dvectors: _Array | None = None,
        masks: _Array | None = None,
    ) -> None: ...
    def forward_at(self, run: Addresses) -> None: ...
    def backward_at(self, run: Addresses, gradients: GradientAddresses) -> None: ...
    # outputs: address, step and row of each layer's
    @staticmethod
    def stack_at(
        layers: list[Any], run: Addresses, outputs: list[tuple[int, int, int]]
    ) -> None: ...
    @property
    def input_size(self) -> int: ...
    @property
    def hidden_size(self) -> int: ...
    @property
    def output_size(self) -> int: ...
    @property
    def padded_size(self) -> int: ...
    @property
    def storage(self) -> str: ...
    @property
    def lstm(self) -> bool: ...
    @property
    def extra_states(self) -> int: ...
    @property
    def kept(self) -> int: ...
    @property
    def gate_rows(self) -> int: ...
    @property
    def sums(self) -> int: ...
    @property
    def split(self) -> bool: ...
    @property
    def reads_h(self) -> bool: ...
    @property
    def vectors(self) -> list[str]: ...
    @property
    def masks(self) -> int: ...
    @property
    def bias(self) -> bool: ...
    @property
    def projected(self) -> bool: ...

class LayerF32(_Layer): ...
class LayerF64(_Layer): ...

class _Linear:
    def __init__(self, weight: _Array, bias: _Array | None) -> None: ...
    def matches(self, weight: _Array, bias: _Array | None) -> bool: ...
    def run(self, x: _Array, y: _Array, threads: int) -> None: ...
    @property
    def inputs(self) -> int: ...
    @property
    def outputs(self) -> int: ...

class LinearF32(_Linear): ...
class LinearF64(_Linear): ...

class _Stepper:
    def __init__(self, layers: list[Any], threads: int) -> None: ...
    def step(self, x: _Array) -> _Array: ...
    @property
    def output(self) -> _Array: ...
    def set_state(self, h: _Array | None, c: _Array | None) -> None: ...
    def get_state(self, h: _Array | None, c: _Array | None) -> None: ...

class StepperF32(_Stepper): ...
class StepperF64(_Stepper): ...

class _StreamPool:
    def __init__(self, stacks: list[list[Any]], capacity: int) -> None: ...
    def open(self, ids: _Array) -> None: ...
    def close(self, ids: _Array) -> None: ...
    def clear(self, ids: _Array) -> None: ...
    def require_open(self, ids: _Array) -> int: ...
    def list(self, ids: _Array) -> None: ...
    def step(self, stack: int, ids: _Array, x: _Array, y: _Array, threads: int) -> None: ...
    def get_state(self, stack: int, ids: _Array, h: _Array | None, c: _Array | None) -> None: ...
    def set_state(self, stack: int, ids: _Array, h: _Array | None, c: _Array | None) -> None: ...
    @property
    def size(self) -> int: ...
    @property
    def capacity(self) -> int: ...
    @property
    def stream_bytes(self) -> int: ...
    @property
    def bytes(self) -> int: ...

class StreamPoolF32(_StreamPool): ...
class StreamPoolF64(_StreamPool): ...

class MemoryBlocks:
    def __init__(
        self,
        inputs: int,
        blocks: int,
        cells_per_block: int,
        outputs: int,
        input_gate: bool,
        output_gate: bool,
        forget_gate: bool,
        hidden_mask: _Array,
        output_mask: _Array,
    ) -> None: ...
    def set_weights(self, hidden: _Array, output: _Array) -> None: ...
    def get_weights(self, hidden: _Array, output: _Array) -> None: ...
    def run(
        self,
        x: _Array,
        target: _Array | None,
        ends: _Array,
        rate: float,
        per_step: bool,
        fresh: bool,
        stop: float,
        errors: _Array | None,
        outputs: _Array | None,
        states: _Array | None,
    ) -> int: ...
