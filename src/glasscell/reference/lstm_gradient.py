"""The gradient of one step of an LSTM: equations (8) to (16), one line each.

d before a letter is the derivative of the loss: dc_t = dL/dC_t. da_f, da_i, da_g and da_o belong to
the sums before the activations of the gates, equation (A1).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from glasscell.arrays import Array
from glasscell.reference.lstm_equations import LSTMStep

__all__ = ["StepGradient", "cell_gradient", "gate_gradients", "projection_gradient"]


class StepGradient(NamedTuple):
    """Gradients of the four sums before the activations by gate's name, and of C_{t-1}; (B, H)."""

    da: dict[str, Array]
    dc_prev: Array


def projection_gradient(dh: Array, s: LSTMStep, W_hr: Array | None) -> tuple[Array, Array | None]:
    """Carry the total gradient of h_t back through the projection, the reverse of (7).

    ::

        (8)  dm_t  = dh_t                            or W_hr^T dh_t with a projection
        (9)  dW_hr = Σ_batch dh_t m_t^T

    Returns:
        dm_t (B, H), and the part of dW_hr (P, H) that belongs to this step, None without.
    """
    if W_hr is None:
        return dh, None
    return dh @ W_hr, dh.T @ (s.o * np.tanh(s.c))


def cell_gradient(dm: Array, dc_next: Array, s: LSTMStep) -> Array:
    """Compute the total gradient of the cell state, what comes along the belt and what h_t adds.

    ::

        (10)  dc_t = dc_t from step t+1, see (16), + dm_t * o_t * (1 - tanh²(C_t))
    """
    tanh_c = np.tanh(s.c)
    dc: Array = dc_next + dm * s.o * (1 - tanh_c * tanh_c)
    return dc


def gate_gradients(dm: Array, dc: Array, s: LSTMStep, c_prev: Array) -> StepGradient:
    """Carry the gradients of m_t and C_t to the four gates and to the cell state before.

    ::

        (11)  do_t = dm_t * tanh(C_t)
        (12)  da_o = do_t * o_t * (1 - o_t)
        (13)  da_f = dc_t * C_{t-1} * f_t * (1 - f_t)
        (14)  da_i = dc_t * C̃_t * i_t * (1 - i_t)
        (15)  da_g = dc_t * i_t * (1 - C̃_t²)
        (16)  dc_{t-1} = dc_t * f_t
    """
    do = dm * np.tanh(s.c)
    da_o = do * s.o * (1 - s.o)
    da_f = dc * c_prev * s.f * (1 - s.f)
    da_i = dc * s.g * s.i * (1 - s.i)
    da_g = dc * s.i * (1 - s.g * s.g)
    dc_prev = dc * s.f
    return StepGradient({"input": da_i, "forget": da_f, "candidate": da_g, "output": da_o}, dc_prev)
