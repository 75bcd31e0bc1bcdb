"""The weights of a network, as users import them: `glasscell.cells.parameters`."""

from glasscell.cells.parameters import *  # noqa: F403
from glasscell.cells.parameters import __all__ as __all__
