"""The key that a run on text brings for how little each symbol was expected."""

from typing import Final

ARRAYS: Final = {"s/surprise": "(1, T) bits, -log2 of the probability of the symbol that was read"}
