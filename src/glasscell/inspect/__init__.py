"""See inside a recurrent network: arrays in, arrays and plain verdicts out; NumPy only.

Reading order: trace (what every gate did), flow (how far gradients travel), verdict (what that
means), timescales and provenance (what the memory cells hold and for how long), jacobian and
spectrum (what steps do to a change of the state), path and influence (which way, from where),
attribute (which steps decided what was said of a sequence),
exchange (whether another past shows at the end), truncation (what a shorter window would lose).
README.md lists every measure with its cost.
"""

from __future__ import annotations

from glasscell.inspect.dynamics.attribution import Attribution, attribute, log_odds, one_output
from glasscell.inspect.dynamics.influence import influence, model_influence
from glasscell.inspect.dynamics.jacobian import StateJacobian, jacobians
from glasscell.inspect.dynamics.path import PathSplit, path_split
from glasscell.inspect.dynamics.spectrum import Fan, Lyapunov, fan, lyapunov
from glasscell.inspect.film.film import Film
from glasscell.inspect.film.reel import LayerReel, Reel
from glasscell.inspect.gradients.decay import Decay, decay
from glasscell.inspect.gradients.flow import GradientFlow, LayerFlow
from glasscell.inspect.gradients.truncation import Truncation, truncation
from glasscell.inspect.memory.exchange import Exchange, exchange
from glasscell.inspect.memory.provenance import (
    Provenance,
    layer_provenance,
    provenance,
    provenance_triangle,
)
from glasscell.inspect.memory.timescales import (
    Saturation,
    TimeScales,
    forget_bias,
    half_life,
    saturation,
    timescales,
)
from glasscell.inspect.subjects.saved_model import last_step_sum
from glasscell.inspect.subjects.unseen import UnseenWarning
from glasscell.inspect.subjects.watch import layer_weights
from glasscell.inspect.units.ablation import ablation
from glasscell.inspect.units.dossier import Dossier, dossier
from glasscell.inspect.units.match import Match, Matches, match
from glasscell.inspect.verdict.diagnosis import Diagnosis, diagnose, examine
from glasscell.inspect.verdict.findings import Finding, faults
from glasscell.inspect.verdict.judge import LayerVerdict, judge
from glasscell.inspect.verdict.sentences import KINDS
from glasscell.traces.layer import LayerTrace
from glasscell.traces.trace import Trace

__all__ = [
    "KINDS",
    "Attribution",
    "Decay",
    "Diagnosis",
    "Dossier",
    "Exchange",
    "Fan",
    "Film",
    "Finding",
    "GradientFlow",
    "LayerFlow",
    "LayerReel",
    "LayerTrace",
    "LayerVerdict",
    "Lyapunov",
    "Match",
    "Matches",
    "PathSplit",
    "Provenance",
    "Reel",
    "Saturation",
    "StateJacobian",
    "TimeScales",
    "Trace",
    "Truncation",
    "UnseenWarning",
    "ablation",
    "attribute",
    "decay",
    "diagnose",
    "dossier",
    "examine",
    "exchange",
    "fan",
    "faults",
    "forget_bias",
    "half_life",
    "influence",
    "jacobians",
    "judge",
    "last_step_sum",
    "layer_provenance",
    "layer_weights",
    "log_odds",
    "lyapunov",
    "match",
    "model_influence",
    "one_output",
    "path_split",
    "provenance",
    "provenance_triangle",
    "saturation",
    "timescales",
    "truncation",
]
