"""Generators of the problems on which recurrent networks were first told apart; NumPy alone.

Each takes a `numpy.random.Generator` and gives `Examples`: sequences with what is asked for at each
of their steps. The same seed gives the same sequences.
"""

from glasscell.reproduce.problems.examples import Examples, at_the_end, joined, one_hot
from glasscell.reproduce.problems.long_lags import (
    last_alone,
    noise_free_lag,
    random_distractors,
    two_sequence,
    very_long_lag,
)
from glasscell.reproduce.problems.pixels import digits
from glasscell.reproduce.problems.reber_grammar import (
    continual_reber,
    embedded_reber,
    embedded_reber_strings,
    predictions,
    reber,
    reber_stream,
    reber_streams,
)
from glasscell.reproduce.problems.recalling import copy, memoryless, recall
from glasscell.reproduce.problems.symbol_order import temporal_order
from glasscell.reproduce.problems.two_numbers import adding, adding_1997, multiplication

__all__ = [
    "Examples",
    "adding",
    "adding_1997",
    "at_the_end",
    "continual_reber",
    "copy",
    "digits",
    "embedded_reber",
    "embedded_reber_strings",
    "joined",
    "last_alone",
    "memoryless",
    "multiplication",
    "noise_free_lag",
    "one_hot",
    "predictions",
    "random_distractors",
    "reber",
    "reber_stream",
    "reber_streams",
    "recall",
    "temporal_order",
    "two_sequence",
    "very_long_lag",
]
