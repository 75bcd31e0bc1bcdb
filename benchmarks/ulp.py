"""Measures the error of the core's activations over every float32, or over many float64.

    python benchmarks/ulp.py            every float32, some minutes; float64: 2^24 random values
    python benchmarks/ulp.py --quick    every 997th float32; float64: 2^20 values

An error is the distance to the true value in units in the last place of the true value rounded to
the type (subnormal results count in units of the smallest normal number, because the kernels flush
them). Truth is NumPy in the next wider type, whose own error is below 0.01 units. The largest
errors that this prints are those in the table of cpp/activations-inl.h.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

from glasscell import _core

WIDER = {np.dtype(np.float32): np.float64, np.dtype(np.float64): np.longdouble}
CHUNK = 1 << 22
RANGES = {
    "sigmoid": ((-np.inf, -1.0), (-1.0, 1.0), (1.0, np.inf)),
    "tanh": ((0.0, 0.25), (0.25, 1.0), (1.0, np.inf)),
    "exp": ((-np.inf, -1.0), (-1.0, 1.0), (1.0, np.inf)),
    "log_sigmoid": ((-np.inf, -1.0), (-1.0, 1.0), (1.0, np.inf)),
}
TRUTH = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "exp": np.exp,
    "log_sigmoid": lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))),
}


def truth(function: str, x: np.ndarray) -> np.ndarray:
    """Compute the function in the next wider type."""
    wide = x.astype(WIDER[x.dtype])
    with np.errstate(over="ignore", under="ignore"):
        return TRUTH[function](wide)


def ulp_error(function: str, x: np.ndarray) -> np.ndarray:
    """Give the error of each result in units in the last place; x finite or infinite, no NaN."""
    y = np.empty_like(x)
    getattr(_core, function)(x, y)
    info = np.finfo(x.dtype)
    least, wide = info.tiny, WIDER[x.dtype]
    # An infinity is the number after the largest: results may round to it or just not.
    beyond = np.ldexp(wide(1), info.maxexp)
    exact = np.clip(truth(function, x), -beyond, beyond)
    with np.errstate(under="ignore", over="ignore"):
        size = np.clip(np.abs(exact).astype(x.dtype), least, info.max)
        unit = np.spacing(size).astype(wide)
        # A flushed result is as right as zero can be: it counts in units of the smallest normal.
        unit = np.where(np.abs(exact) < least * 1.0000001, wide(least), unit)
        error = np.abs(np.clip(y.astype(wide), -beyond, beyond) - exact)
        return (error / unit).astype(np.float64)


def float32_chunks(step: int) -> Iterator[np.ndarray]:
    """Walk every `step`-th bit pattern that is not a NaN, both signs."""
    last = 0x7F800000  # infinity
    for sign in (0, 0x80000000):
        for first in range(0, last + 1, CHUNK * step):
            bits = np.arange(first, min(first + CHUNK * step, last + 1), step, dtype=np.uint64)
            yield (bits + sign).astype(np.uint32).view(np.float32)


def float64_chunks(count: int) -> Iterator[np.ndarray]:
    """Draw values where the functions bend, and values of every exponent."""
    rng = np.random.default_rng(0)
    for _ in range(max(1, count // CHUNK)):
        n = min(count, CHUNK) // 4
        small = rng.uniform(-60, -1, n)
        yield np.concatenate([
            rng.uniform(-2, 2, n), rng.uniform(-40, 40, n), rng.uniform(-720, 720, n),
            rng.choice([-1.0, 1.0], n) * np.exp2(small) * rng.uniform(1, 2, n),
        ])  # fmt: skip


def measure(function: str, chunks: Iterator[np.ndarray]) -> None:
    """Print the largest error in each range and where it is."""
    worst = dict.fromkeys(RANGES[function], (0.0, 0.0))
    for x in chunks:
        error = ulp_error(function, x)
        where = np.abs(x) if function == "tanh" else x
        for low, high in worst:
            inside = np.where((where >= low) & (where <= high), error, 0)
            at = int(inside.argmax())
            worst[low, high] = max(worst[low, high], (float(inside[at]), float(x[at])))
        lane = x.dtype
    for (low, high), (error, at) in worst.items():
        print(f"{function:11} {lane!s:8} {low:6} to {high:5}  {error:.3f} ULP at {at!r}")


def main() -> None:
    """Measure every function in both types."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a sample instead of every float32")
    parser.add_argument("functions", nargs="*", help=f"all by default: {', '.join(RANGES)}")
    given = parser.parse_args()
    quick = given.quick
    print(f"instruction set: {_core.isa}")
    for function in given.functions or RANGES:
        measure(function, float32_chunks(997 if quick else 1))
        measure(function, float64_chunks(1 << (20 if quick else 24)))


if __name__ == "__main__":
    main()
