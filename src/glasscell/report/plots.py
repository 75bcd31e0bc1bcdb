"""Static pictures for papers: one function per view of the inspect page, each returns the Axes.

Results draw themselves, ``trace.plot()``, ``flow.plot()``, ``fan.plot(ax=ax)``; these are the
functions behind them, and those for what comes as a bare array. They need matplotlib (extra
`report`), inherit its rcParams and never call `show`. docs/plots.md shows all of them.
"""

from glasscell.report.views.confusion.plot import confusion
from glasscell.report.views.curves.plot import curves
from glasscell.report.views.decided.plot import decided
from glasscell.report.views.dossier.plot import dossier
from glasscell.report.views.fan.plot import jacobian_fan, lyapunov
from glasscell.report.views.film.plot import film
from glasscell.report.views.influence.plot import influence
from glasscell.report.views.ladder.plot import half_life_ladder, saturation, saturation_map
from glasscell.report.views.lag.plot import lag
from glasscell.report.views.match.plot import match
from glasscell.report.views.path.plot import path_split
from glasscell.report.views.provenance.plot import provenance, provenance_triangle
from glasscell.report.views.reasons.plot import reasons
from glasscell.report.views.river.plot import duel, gradient_river, gradient_rivers
from glasscell.report.views.truncation.plot import truncation
from glasscell.report.views.unit.plot import unit
from glasscell.report.views.wall.plot import gate_wall, gate_walls
from glasscell.report.views.weights.plot import weights

__all__ = [
    "confusion",
    "curves",
    "decided",
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
    "lag",
    "lyapunov",
    "match",
    "path_split",
    "provenance",
    "provenance_triangle",
    "reasons",
    "saturation",
    "saturation_map",
    "truncation",
    "unit",
    "weights",
]
