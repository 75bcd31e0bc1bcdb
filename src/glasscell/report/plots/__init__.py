"""Static pictures for papers: one function per view of the inspect page, each returns the Axes.

Results draw themselves, ``trace.plot()``, ``flow.plot()``, ``fan.plot(ax=ax)``; these are the
functions behind them, and those for what comes as a bare array. They need matplotlib (extra
`report`), inherit its rcParams and never call `show`. docs/plots.md shows all of them.
"""

from glasscell.report.plots.dossier import dossier
from glasscell.report.plots.film import film
from glasscell.report.plots.influence import influence
from glasscell.report.plots.ladder import half_life_ladder, saturation, saturation_map
from glasscell.report.plots.match import match
from glasscell.report.plots.memory import provenance, provenance_triangle
from glasscell.report.plots.path import path_split
from glasscell.report.plots.river import duel, gradient_river, gradient_rivers
from glasscell.report.plots.spectrum import jacobian_fan, lyapunov
from glasscell.report.plots.truncation import truncation
from glasscell.report.plots.unit import unit
from glasscell.report.plots.wall import gate_wall, gate_walls
from glasscell.report.plots.weights import weights

__all__ = [
    "dossier",
    "duel",
    "film",
    "gate_wall",
    "gate_walls",
    "gradient_river",
    "gradient_rivers",
    "half_life_ladder",
    "influence",
    "jacobian_fan",
    "lyapunov",
    "match",
    "path_split",
    "provenance",
    "provenance_triangle",
    "saturation",
    "saturation_map",
    "truncation",
    "unit",
    "weights",
]
