"""Weights in fewer bits, as users import them: `glasscell.cells.compact` by its public name."""

from glasscell.cells.compact import *  # noqa: F403
from glasscell.cells.compact import __all__ as __all__
