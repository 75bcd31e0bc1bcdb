"""Classic experiments, one file each: what was published, how it is run again, what is said of it.

A file has NAME, TITLE, SOURCE, COLUMNS and the functions of `laboratory.Experiment`; a line here
makes it known to ``glasscell reproduce``.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from glasscell.errors import DataError
from glasscell.reproduce.laboratory import Experiment

EXPERIMENTS = (
    "reber",
    "noise-free-lag",
    "noisy-lag",
    "two-sequence",
    "adding",
    "multiplication",
    "temporal-order",
    "continual-reber",
    "copy",
    "forget-bias",
    "digits",
    "pascanu",
    "length",
    "recall",
    "ablations",
)
"""Names for the command line, in the order of the papers; a file has _ in place of -."""


def experiment(name: str) -> Experiment:
    """Give the experiment of a name.

    Raises:
        DataError: There is none; the message lists them.
    """
    if name not in EXPERIMENTS:
        raise DataError(f"expected an experiment ({', '.join(EXPERIMENTS)}), got {name!r}")
    return cast(Experiment, import_module(f"{__name__}.{name.replace('-', '_')}"))
