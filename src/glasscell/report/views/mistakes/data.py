"""The keys that a run brings for its mistakes."""

from typing import Final

MEASURES: Final = {
    "mistakes": "[{sequence, step, truth, predicted, probability, wrong, times}], the surest first",
}
