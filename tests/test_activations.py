"""The table of errors in cpp/activations-inl.h, row by row; and what holds exactly."""

from __future__ import annotations

import importlib.util
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from glasscell import _core

ROOT = Path(__file__).parents[1]
ROW = re.compile(
    r"//\s+(sigmoid|tanh|exp|log_sigmoid)\s+(float|double)\s+([\d.]+) ULP\s+(\S+) <= (\S+) <= (\S+)"
)
TABLE = ROW.findall((ROOT / "cpp" / "activations-inl.h").read_text(encoding="utf-8"))
LANES = {"float": np.float32, "double": np.float64}
FLOATS = (np.float32, np.float64)
FUNCTIONS = ("sigmoid", "tanh", "exp", "log_sigmoid")


def measuring():
    """The same measurement as the benchmark, which walks every float32."""
    spec = importlib.util.spec_from_file_location("ulp", ROOT / "benchmarks" / "ulp.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ulp = measuring()


def apply(function, x):
    y = np.empty_like(x)
    getattr(_core, function)(x, y)
    return y


def samples(lane, low, high):
    """Values of both signs between two bounds: a coarse walk over all, and dense windows."""
    if lane == "double":
        chunks = list(ulp.float64_chunks(1 << 19))
    else:
        chunks = list(ulp.float32_chunks(1999))
        for center in (1e-30, 1e-4, 0.06, 0.25, 0.3465, 1.0, 2.77, 9.01, 16.64, 87.3, 88.3):
            bits = np.float32(center).view(np.uint32) + np.arange(-20_000, 20_000)
            chunks += [bits.astype(np.uint32).view(np.float32)]
            chunks += [-chunks[-1]]
    x = np.concatenate(chunks)
    return x[(x >= low) & (x <= high)]


def test_the_table_covers_every_function_and_both_types_without_a_gap():
    least_of = {"sigmoid": -np.inf, "tanh": 0.0, "exp": -np.inf, "log_sigmoid": -np.inf}
    for function, least in least_of.items():
        for lane in LANES:
            rows = [r for r in TABLE if r[:2] == (function, lane)]
            bounds = [(float(low), float(high)) for _, _, _, low, _, high in rows]
            assert bounds[0][0] == least
            assert bounds[-1][1] == np.inf
            assert all(a[1] == b[0] for a, b in pairwise(bounds))


@pytest.mark.parametrize(("function", "lane", "bound", "low", "of", "high"), TABLE)
def test_no_error_is_larger_than_the_table_says(function, lane, bound, low, of, high):
    x = samples(lane, -np.inf, np.inf)
    where = np.abs(x) if of == "|x|" else x
    x = x[(where >= float(low)) & (where <= float(high))]
    error = ulp.ulp_error(function, x)
    assert len(x) > 50_000
    assert error.max() <= float(bound), f"at {x[error.argmax()]!r}"
    assert error.max() > 0.4 * float(bound), "a bound so loose says nothing: lower it"


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_nan_stays_nan_in_every_lane(function, dtype):
    for at in range(33):
        x = np.linspace(-3, 3, 33, dtype=dtype)
        x[at] = np.nan
        y = apply(function, x)
        assert np.isnan(y).nonzero()[0].tolist() == [at]


@pytest.mark.parametrize("dtype", FLOATS)
def test_saturation_is_exact(dtype):
    large = np.array([20.0, 100.0, 1e30, np.inf], dtype)
    np.testing.assert_array_equal(apply("tanh", large), 1)
    np.testing.assert_array_equal(apply("tanh", -large), -1)
    np.testing.assert_array_equal(apply("sigmoid", 2 * large), 1)
    np.testing.assert_array_equal(apply("sigmoid", -np.array([1e3, 1e30, np.inf], dtype)), 0)


@pytest.mark.parametrize("dtype", FLOATS)
def test_exp_ends_where_the_numbers_do(dtype):
    """At both ends of the range, the last number and the first infinity or zero."""
    info = np.finfo(dtype)
    top = np.nextafter(np.log(info.max), dtype(0), dtype=dtype)
    bottom = np.nextafter(np.log(info.tiny), dtype(0), dtype=dtype)
    y = apply("exp", np.array([top, bottom], dtype))
    assert np.isfinite(y).all()
    assert y[0] > info.max * dtype(0.999)
    assert info.tiny <= y[1] < info.tiny * dtype(1.001)
    beyond = dtype(1.001) * np.array([top, bottom], dtype)
    far = np.array([1e4, np.inf, -1e4, -np.inf], dtype)
    np.testing.assert_array_equal(apply("exp", beyond), [np.inf, 0])
    np.testing.assert_array_equal(apply("exp", far), [np.inf, np.inf, 0, 0])
    np.testing.assert_array_equal(apply("exp", np.array([0.0, -0.0], dtype)), 1)


@pytest.mark.parametrize("dtype", FLOATS)
def test_log_sigmoid_follows_x_below_and_goes_to_zero_above(dtype):
    large = np.array([100.0, 1e4, 1e30, np.inf], dtype)
    assert apply("log_sigmoid", -large).tobytes() == (-large).tobytes()
    far = dtype(8) * large
    np.testing.assert_array_equal(apply("log_sigmoid", far), 0)
    x = samples({np.float32: "float", np.float64: "double"}[dtype], -1e3, 1e3)
    assert (apply("log_sigmoid", x) <= 0).all()


@pytest.mark.parametrize("dtype", FLOATS)
def test_tanh_is_odd_to_the_bit(dtype):
    rng = np.random.default_rng(0)
    x = (rng.standard_normal(10_001) * 10.0 ** rng.integers(-30, 3, 10_001)).astype(dtype)
    assert apply("tanh", -x).tobytes() == (-apply("tanh", x)).tobytes()


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_middle_is_exact(dtype):
    zero = np.array([0.0, -0.0], dtype)
    np.testing.assert_array_equal(apply("sigmoid", zero), 0.5)
    assert apply("tanh", zero).tobytes() == zero.tobytes()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("function", ["sigmoid", "tanh"])
def test_results_never_leave_their_range(function, dtype):
    y = apply(function, samples({np.float32: "float", np.float64: "double"}[dtype], -1e3, 1e3))
    assert y.min() >= (0 if function == "sigmoid" else -1)
    assert y.max() <= 1


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_element_does_not_depend_on_its_neighbours_or_its_lane(function):
    x = np.random.default_rng(0).standard_normal(70).astype(np.float32)
    whole = apply(function, x)
    for first in range(20):
        for n in (1, 3, 8, 17, 40):
            part = apply(function, np.ascontiguousarray(x[first : first + n]))
            assert part.tobytes() == whole[first : first + n].tobytes()
