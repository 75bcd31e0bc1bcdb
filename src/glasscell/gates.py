"""The gates of a layer, as users import them: `glasscell.cells` under its public name."""

from glasscell.cells import *  # noqa: F403
from glasscell.cells import __all__ as __all__
