"""The measures that other tests rely on, on numbers known beforehand."""

from __future__ import annotations

import numpy as np

from oracles import central_differences, relative_error, ulp_distance


def test_central_differences_of_a_cubic_are_its_derivative():
    x = np.array([[1.0, -2.0], [0.5, 3.0]])
    gradient = central_differences(lambda: float((x**3).sum()), x)
    np.testing.assert_allclose(gradient, 3 * x**2, rtol=1e-8)


def test_central_differences_leave_the_array_as_it_was():
    x = np.array([0.1, 0.2, 0.3])
    central_differences(lambda: float(x.sum()), x)
    assert x.tolist() == [0.1, 0.2, 0.3]


def test_relative_error_has_one_scale_for_the_whole_array():
    assert relative_error(np.array([10.0, 0.01]), np.array([10.0, 0.0])) == 0.001


def test_relative_error_does_not_forgive_nan_or_another_shape():
    assert relative_error(np.array([np.nan]), np.array([1.0])) == np.inf
    assert relative_error(np.zeros(2), np.zeros(3)) == np.inf
    assert relative_error(np.ones(2), np.zeros(2)) == np.inf


def test_ulp_distance_counts_representable_numbers_also_across_zero():
    for dtype in (np.float16, np.float32, np.float64):
        one = np.array([1.0], dtype)
        assert ulp_distance(one, np.nextafter(one, dtype(2))) == 1
        tiny = np.array([np.finfo(dtype).smallest_subnormal], dtype)
        assert ulp_distance(tiny, -tiny) == 2
        assert ulp_distance(np.array([0.0], dtype), np.array([-0.0], dtype)) == 0


def test_ulp_distance_of_nan_to_a_number_is_never_a_distance():
    assert ulp_distance(np.array([np.nan, np.nan]), np.array([np.nan, 1.0])).tolist() == [0, -1]
