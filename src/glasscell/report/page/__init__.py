"""The inspect page: one offline HTML file that shows everything inside a recurrent network.

`collect` measures a model on its data, `render` and `write` make the page; README.md says how the
two meet.
"""

from glasscell.report.page.collect import collect
from glasscell.report.page.exploration import Exploration, Finding, Layer, Series
from glasscell.report.page.render import render, write

__all__ = ["Exploration", "Finding", "Layer", "Series", "collect", "render", "write"]
