"""The keys that a run on labelled sequences brings for what it said of each of them."""

from typing import Final

MEASURES: Final = {
    "confusion": "{classes, precision, recall, number: [K]; counts: [truth][said], absent for "
    "labels of which several hold at once}",
    "calibration": "{confidence, accuracy, count} of bins that hold any prediction",
    "residuals": "{names, sequences, truth: [n][D], predicted: [n][D]} of numbers",
    "shown": "of each series {name, why, truth, said, probability}, texts; probability may be null",
}
