"""See inside a recurrent network: arrays in, arrays and plain verdicts out; NumPy only.

Reading order: trace (what every gate did), flow (how far gradients travel), verdict (what that
means), timescales and provenance (what the memory cells hold and for how long), jacobian and
spectrum (what steps do to a change of the state), path and influence (which way, from where),
truncation (what a shorter window would lose). README.md lists every measure with its cost.
"""

from __future__ import annotations

from glasscell.inspect.decay import Decay, decay
from glasscell.inspect.flow import GradientFlow, LayerFlow
from glasscell.inspect.influence import influence
from glasscell.inspect.jacobian import StateJacobian, jacobians
from glasscell.inspect.last_step import layer_weights
from glasscell.inspect.model_influence import model_influence
from glasscell.inspect.path import PathSplit, path_split
from glasscell.inspect.provenance import (
    Provenance,
    layer_provenance,
    provenance,
    provenance_triangle,
)
from glasscell.inspect.spectrum import Fan, Lyapunov, fan, lyapunov
from glasscell.inspect.timescales import (
    Saturation,
    TimeScales,
    forget_bias,
    half_life,
    saturation,
    timescales,
)
from glasscell.inspect.trace import LayerTrace, Trace
from glasscell.inspect.truncation import Truncation, truncation
from glasscell.inspect.verdict import LayerVerdict, judge

__all__ = [
    "Decay",
    "Fan",
    "GradientFlow",
    "LayerFlow",
    "LayerTrace",
    "LayerVerdict",
    "Lyapunov",
    "PathSplit",
    "Provenance",
    "Saturation",
    "StateJacobian",
    "TimeScales",
    "Trace",
    "Truncation",
    "decay",
    "fan",
    "forget_bias",
    "half_life",
    "influence",
    "jacobians",
    "judge",
    "layer_provenance",
    "layer_weights",
    "lyapunov",
    "model_influence",
    "path_split",
    "provenance",
    "provenance_triangle",
    "saturation",
    "timescales",
    "truncation",
]
