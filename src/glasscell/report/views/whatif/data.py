"""The key by which what-if names the outputs of a network that gives one answer a sequence."""

from typing import Final

MEASURES: Final = {
    "outputs": '{names: [K], kind: "class", "multilabel" or "number", truth: [series][K] or null, '
    "mean, scale: [K] of numbers}",
}
