"""The one door to the compiled core: pack weights once, then run them over sequences.

Letters: T time, B batch, I input size, H hidden size, P output size (`proj_size` or H). Arrays are
NumPy, float32 or float64, time first; any strides will do as long as the last axis is contiguous,
so a batch-first array goes in as `x.swapaxes(0, 1)` without a copy.
"""

try:
    from glasscell import _core as _core
    from glasscell.engine.addresses import Addresses, GradientAddresses
except ImportError as error:  # pragma: no cover - only in a broken installation
    raise ImportError(
        f"glasscell: the compiled core cannot be loaded ({error}). "
        "Build and install it with `pip install .` from the source tree."
    ) from error

from glasscell.engine.packing import matches, pack, pack_linear
from glasscell.engine.passes import (
    Order,
    backward,
    forward,
    forward_stack,
    linear,
    stepper,
    stream_pool,
)
from glasscell.engine.results import (
    LayerGrads,
    LayerRun,
    PackedLayer,
    PackedLinear,
    StackRun,
    Stepper,
    StreamPool,
    Weights,
)
from glasscell.threads import (
    at_most,
    cpu_info,
    get_num_threads,
    set_num_threads,
    thread_limit,
    use_parallel_for,
)

__all__ = [
    "Addresses",
    "GradientAddresses",
    "LayerGrads",
    "LayerRun",
    "Order",
    "PackedLayer",
    "PackedLinear",
    "StackRun",
    "Stepper",
    "StreamPool",
    "Weights",
    "at_most",
    "backward",
    "cpu_info",
    "forward",
    "forward_stack",
    "get_num_threads",
    "linear",
    "matches",
    "pack",
    "pack_linear",
    "set_num_threads",
    "stepper",
    "stream_pool",
    "thread_limit",
    "use_parallel_for",
]
