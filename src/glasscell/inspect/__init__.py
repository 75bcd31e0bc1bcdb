"""See inside a recurrent network: arrays in, arrays and plain verdicts out; NumPy only.

Reading order: trace (what every gate did), flow (how far gradients travel), verdict (what that
means), timescales and provenance (what the memory cells hold and for how long).
"""

from __future__ import annotations

from glasscell.inspect.ablation import ablation
from glasscell.inspect.diagnosis import Diagnosis, diagnose, examine
from glasscell.inspect.dossier import Dossier, dossier
from glasscell.inspect.film import Film
from glasscell.inspect.findings import Finding, faults
from glasscell.inspect.flow import GradientFlow, LayerFlow
from glasscell.inspect.match import Match, Matches, match
from glasscell.inspect.provenance import Provenance, provenance
from glasscell.inspect.reel import LayerReel, Reel
from glasscell.inspect.sentences import KINDS
from glasscell.inspect.timescales import forget_bias, half_life, saturation
from glasscell.inspect.trace import LayerTrace, Trace
from glasscell.inspect.verdict import LayerVerdict, judge

__all__ = [
    "KINDS",
    "Diagnosis",
    "Dossier",
    "Film",
    "Finding",
    "GradientFlow",
    "LayerFlow",
    "LayerReel",
    "LayerTrace",
    "LayerVerdict",
    "Match",
    "Matches",
    "Provenance",
    "Reel",
    "Trace",
    "ablation",
    "diagnose",
    "dossier",
    "examine",
    "faults",
    "forget_bias",
    "half_life",
    "judge",
    "match",
    "provenance",
    "saturation",
]
