"""The key that a run on text brings for what it writes."""

from typing import Final

MEASURES: Final = {"sample": "text that the network wrote"}
