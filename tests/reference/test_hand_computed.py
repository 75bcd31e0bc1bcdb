"""Networks of one unit, one input, one sequence, worked with pen and paper in the comments.

σ(ln 3) = 3/4, σ(-ln 3) = 1/4, tanh(ln 2) = 3/5 and tanh(ln 3) = 4/5 are exact, so every value is.
"""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from glasscell import cells, reference
from glasscell.cells.parameters import LayerWeights

LN2, LN3 = log(2), log(3)


def unit_lstm() -> LayerWeights:
    """With x = 1 and h_{t-1} = 2 each sum below is W [2, 1] + b = 2 w_h + w_x + b."""
    layer = LayerWeights(
        weight_ih=np.zeros((4, 1)),
        weight_hh=np.zeros((4, 1)),
        bias_ih=np.zeros(4),
        bias_hh=np.zeros(4),
    )
    book = cells.Textbook(layer)
    book.W_f, book.b_f = [[0.5, LN3 - 2]], [1.0]  # a_f = 1 + ln 3 - 2 + 1 =  ln 3   f = 3/4
    book.W_i, book.b_i = [[-1.0, 1.0]], [1.0]  #    a_i = -2 + 1 + 1       =  0      i = 1/2
    book.W_C, book.b_C = [[2.0, -4.0]], [LN2]  #    a_g = 4 - 4 + ln 2     =  ln 2   g = 3/5
    book.W_o, book.b_o = [[1.0, -LN3]], [-2.0]  #   a_o = 2 - ln 3 - 2     = -ln 3   o = 1/4
    return layer


# C_0 is chosen so that C_1 = 3/4 C_0 + 1/2 * 3/5 = ln 2, hence tanh(C_1) = 3/5.
C0 = (LN2 - 0.3) / 0.75


def one_step():
    return reference.lstm(
        unit_lstm(), x=np.array([[[1.0]]]), h0=np.array([[2.0]]), c0=np.array([[C0]])
    )


def test_one_step_of_an_lstm():
    run = one_step()
    values = {name: getattr(run, name).item() for name in ("f", "i", "g", "o", "c", "h")}
    # h_1 = o tanh(C_1) = 1/4 * 3/5 = 0.15
    expected = {"f": 0.75, "i": 0.5, "g": 0.6, "o": 0.25, "c": LN2, "h": 0.15}
    assert values == pytest.approx(expected, rel=1e-15)
    assert run.h_n.item() == run.h.item()
    assert run.c_n.item() == run.c.item()


def test_one_step_of_an_lstm_back():
    back = reference.lstm_backward(one_step(), dy=np.array([[[1.0]]]))
    # dh = 1, so do = tanh(C_1) = 3/5                       da_o = 3/5 * 1/4 * 3/4   = 0.1125
    # dc = dh o (1 - tanh²) = 1/4 * (1 - 9/25) = 4/25       da_f = 4/25 * C_0 * 3/16 = 0.03 C_0
    #                                                       da_i = 4/25 * 3/5 * 1/4  = 0.024
    #                                                       da_g = 4/25 * 1/2 * 16/25 = 0.0512
    da = np.array([0.024, 0.03 * C0, 0.0512, 0.1125])
    assert back.dh.item() == 1
    assert back.dc.item() == pytest.approx(0.16, rel=1e-15)
    # dC_0 = dc f = 4/25 * 3/4 = 0.12
    assert back.dc0.item() == pytest.approx(0.12, rel=1e-15)
    # db = da;  dW_x = da * x = da;  dW_h = da * h_0 = 2 da
    np.testing.assert_allclose(back.dbias_ih, da, rtol=1e-14)
    np.testing.assert_allclose(back.dbias_hh, da, rtol=1e-14)
    np.testing.assert_allclose(back.dweight_ih[:, 0], da, rtol=1e-14)
    np.testing.assert_allclose(back.dweight_hh[:, 0], 2 * da, rtol=1e-14)
    # dh_0 = Σ da w_h with w_h = -1, 1/2, 2, 1;  dx = Σ da w_x with w_x = 1, ln 3 - 2, -4, -ln 3
    dh0 = -0.024 + 0.015 * C0 + 0.1024 + 0.1125
    dx = 0.024 + 0.03 * C0 * (LN3 - 2) - 0.2048 - 0.1125 * LN3
    assert back.dh0.item() == pytest.approx(dh0, rel=1e-14)
    assert back.dx.item() == pytest.approx(dx, rel=1e-14)


def still_lstm() -> LayerWeights:
    """All weights 0 and b_C = ln 3: at every step f = i = o = 1/2 and g = 4/5."""
    return LayerWeights(
        weight_ih=np.zeros((4, 1)),
        weight_hh=np.zeros((4, 1)),
        bias_ih=np.array([0.0, 0.0, LN3, 0.0]),
        bias_hh=np.zeros(4),
    )


def test_two_steps_of_an_lstm():
    run = reference.lstm(still_lstm(), x=np.zeros((2, 1, 1)))
    # C_1 = 1/2 * 0 + 1/2 * 4/5 = 0.4     C_2 = 1/2 * 0.4 + 0.4 = 0.6
    np.testing.assert_allclose(run.c.ravel(), [0.4, 0.6], rtol=1e-15)


def test_two_steps_of_an_lstm_back_along_the_belt_alone():
    run = reference.lstm(still_lstm(), x=np.zeros((2, 1, 1)))
    back = reference.lstm_backward(run, dy=np.zeros((2, 1, 1)), dc_n=np.ones((1, 1)))
    # dc_2 = 1     dc_1 = dc_2 f = 1/2     dc_0 = 1/4
    np.testing.assert_allclose(back.dc.ravel(), [0.5, 1.0], rtol=1e-15)
    assert back.dc0.item() == pytest.approx(0.25, rel=1e-15)
    # da_i = dc g i (1 - i):      1 * 4/5 * 1/4 + 1/2 * 4/5 * 1/4   = 0.3
    # da_f = dc C_{t-1} f (1-f):  1 * 0.4 * 1/4 + 1/2 * 0           = 0.1
    # da_g = dc i (1 - g²):       1 * 1/2 * 9/25 + 1/2 * 1/2 * 9/25 = 0.27
    np.testing.assert_allclose(back.dbias_ih, [0.3, 0.1, 0.27, 0.0], rtol=1e-14)


def test_one_step_of_a_projected_lstm():
    layer = LayerWeights(
        weight_ih=np.zeros((4, 1)),
        weight_hh=np.zeros((4, 1)),
        bias_ih=np.array([0.0, 0.0, LN3, 0.0]),
        bias_hh=np.zeros(4),
        weight_hr=np.array([[3.0]]),
    )
    # C_1 = 1/2 C_0 + 1/2 * 4/5 = ln 2 when C_0 = 2 ln 2 - 4/5
    run = reference.lstm(layer, x=np.zeros((1, 1, 1)), c0=np.array([[2 * LN2 - 0.8]]))
    back = reference.lstm_backward(run, dy=np.ones((1, 1, 1)))
    # m_1 = 1/2 * 3/5 = 0.3     h_1 = 3 * 0.3 = 0.9
    assert run.h.item() == pytest.approx(0.9, rel=1e-15)
    # dW_hr = dh m = 0.3     dm = 3     dc = 3 * 1/2 * 16/25 = 0.96
    assert back.dweight_hr.item() == pytest.approx(0.3, rel=1e-15)
    assert back.dc.item() == pytest.approx(0.96, rel=1e-15)


def relu_rnn():
    layer = LayerWeights(
        weight_ih=np.array([[1.0]]),
        weight_hh=np.array([[2.0]]),
        bias_ih=np.array([-3.0]),
        bias_hh=np.array([2.0]),
    )
    x, h0 = np.array([3.0, 1.0]).reshape(2, 1, 1), np.array([[1.0]])
    return reference.rnn(layer, x, h0, nonlinearity="relu")


def test_two_steps_of_a_relu_rnn():
    # h_1 = max(0, 2 * 1 + 3 - 1) = 4     h_2 = max(0, 2 * 4 + 1 - 1) = 8
    assert relu_rnn().h.ravel().tolist() == [4, 8]


def test_two_steps_of_a_relu_rnn_back():
    back = reference.rnn_backward(relu_rnn(), dy=np.array([0.0, 1.0]).reshape(2, 1, 1))
    # dh_2 = 1     dh_1 = 2 * 1 = 2     dh_0 = 2 * 2 = 4     dx = da * 1
    assert back.dh.ravel().tolist() == [2, 1]
    assert back.dh0.item() == 4
    assert back.dx.ravel().tolist() == [2, 1]
    # dw_x = 2 * 3 + 1 * 1 = 7     dw_h = 2 * 1 + 1 * 4 = 6     db = 3
    assert (back.dweight_ih.item(), back.dweight_hh.item(), back.dbias_hh.item()) == (7, 6, 3)


def test_a_relu_that_is_shut_passes_no_gradient():
    run = reference.rnn(
        LayerWeights(weight_ih=np.array([[1.0]]), weight_hh=np.array([[1.0]])),
        x=np.array([[[-1.0]]]),
        nonlinearity="relu",
    )
    assert run.h.item() == 0
    assert reference.rnn_backward(run, dy=np.ones((1, 1, 1))).dx.item() == 0


def test_one_step_of_a_tanh_rnn_and_back():
    layer = LayerWeights(weight_ih=np.array([[LN2]]), weight_hh=np.array([[5.0]]))
    run = reference.rnn(layer, x=np.ones((1, 1, 1)))
    back = reference.rnn_backward(run, dy=np.ones((1, 1, 1)))
    # h_1 = tanh(ln 2) = 3/5     da = 1 - 9/25 = 16/25     dh_0 = 5 * 16/25 = 3.2
    assert run.h.item() == pytest.approx(0.6, rel=1e-15)
    assert back.dh0.item() == pytest.approx(3.2, rel=1e-15)


def test_the_sigmoid_saturates_exactly_and_without_a_warning():
    a = np.array([-1e4, -800.0, 0.0, 800.0, np.inf, -np.inf, np.nan])
    expected = [0.0, 0.0, 0.5, 1.0, 1.0, 0.0, np.nan]
    np.testing.assert_array_equal(reference.sigmoid(a), expected)


def test_the_sigmoid_keeps_its_relative_precision_far_below_zero():
    assert reference.sigmoid(np.array([-40.0])).item() == pytest.approx(np.exp(-40.0), rel=1e-15)
