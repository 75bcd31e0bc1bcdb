"""The keys that a run with a label a step brings."""

from typing import Final

ARRAYS: Final = {
    "s/right": "(1, T) index of the true class, or (K, T) labels or numbers",
    "s/said": "(1, T) index of the class that was said, or (K, T) probabilities or numbers",
    "s/sure": "(1, T) probability of the class that was said; absent for others",
}
MEASURES: Final = {"tags": '{names: [K], kind: "class", "multilabel" or "number"}'}
