"""A live sequence whose weights are too many for one core: helpers join a step, no bit changes."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
from tests.engine.test_forward_team import problem

from glasscell import engine

# One megabyte of weights and more: from there on a step takes helpers.
SIZES = [(9, 256), (200, 200), (130, 264), (256, 520)]


def steps_of(layers, x, threads, h0=None, c0=None):
    live = engine.stepper(layers, threads=threads)
    live.set_state(h0, c0)
    return np.stack([live.step(row).copy() for row in x])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("inputs", "hidden"), SIZES)
def test_a_step_on_any_number_of_threads_has_the_bits_of_the_whole_sequence(inputs, hidden, dtype):
    layer, x, h0, c0 = problem(hidden, dtype, inputs=inputs)
    whole = engine.forward(layer, x, h0, c0, threads=1).output[:, 0]
    for threads in (1, 2, 3, 8):
        np.testing.assert_array_equal(steps_of([layer], x[:, 0], threads, h0, c0), whole)


@pytest.mark.parametrize("hidden", [520, 600])
def test_a_step_of_an_rnn_on_any_number_of_threads_has_the_bits_of_the_whole_sequence(hidden):
    layer, x, h0, _ = problem(hidden, inputs=hidden, mode="RNN_TANH")
    whole = engine.forward(layer, x, h0, threads=1).output[:, 0]
    for threads in (1, 2, 3, 8):
        np.testing.assert_array_equal(steps_of([layer], x[:, 0], threads, h0), whole)


def test_layers_of_a_stack_may_each_take_helpers():
    first, x, _, _ = problem(256, inputs=256, steps=12)
    second = problem(256, inputs=256, steps=1)[0]
    alone = steps_of([first, second], x[:, 0], 1)
    np.testing.assert_array_equal(steps_of([first, second], x[:, 0], 2), alone)


def test_a_step_after_a_pause_finds_its_helpers_asleep_and_is_right():
    layer, x, _, _ = problem(256, inputs=256, steps=6)
    live = engine.stepper([layer], threads=2)
    alone = steps_of([layer], x[:, 0], 1)
    for row, expected in zip(x[:, 0], alone, strict=True):
        np.testing.assert_array_equal(live.step(row), expected)
        time.sleep(0.002)


def test_helpers_sleep_when_nothing_is_asked_of_them():
    layer, x, _, _ = problem(256, inputs=256, steps=50)
    steps_of([layer], x[:, 0], 2)
    time.sleep(0.01)
    before = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - before < 0.1


def test_a_forked_child_steps_with_helpers_of_its_own():
    layer, x, _, _ = problem(256, inputs=256, steps=20)
    expected = steps_of([layer], x[:, 0], 2)
    same = False
    child = os.fork()
    if child == 0:
        try:
            same = np.array_equal(steps_of([layer], x[:, 0], 2), expected)
        finally:
            os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
