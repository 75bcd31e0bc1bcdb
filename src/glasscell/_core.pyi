"""Compiled kernels; glasscell.engine is the door to them."""

from typing import Any

from numpy.typing import NDArray

_Array = NDArray[Any]

isa: str
isas: list[str]

def available_cpus() -> int: ...
def use_parallel_for(address: int) -> None: ...
def fma_burst(iterations: int) -> int: ...
def read_burst(data: _Array, passes: int) -> int: ...
def sigmoid(x: _Array, y: _Array) -> None: ...
def tanh(x: _Array, y: _Array) -> None: ...

class _Layer:
    def __init__(
        self,
        mode: str,
        weight_ih: _Array,
        weight_hh: _Array,
        bias_ih: _Array | None,
        bias_hh: _Array | None,
        weight_hr: _Array | None,
    ) -> None: ...
    def matches(
        self,
        weight_ih: _Array,
        weight_hh: _Array,
        bias_ih: _Array | None,
        bias_hh: _Array | None,
        weight_hr: _Array | None,
    ) -> bool: ...
    def matches_at(
        self,
        weight_ih: int,
        weight_hh: int,
        bias_ih: int,
        bias_hh: int,
        weight_hr: int,
        threads: int = 1,
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
    def lstm(self) -> bool: ...
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
