"""Colours of the pictures: two colour maps that survive colour blindness, and heat-maps as PNG.

Gates (0 … 1) use a dark-to-bright map in which lightness alone carries the order; signed values use
a blue-to-orange map around a neutral zero. Red against green is never asked of the reader.
"""

from __future__ import annotations

import base64
import struct
import zlib
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from glasscell.arrays import Array
from glasscell.errors import ShapeError

SEQUENTIAL: Final = (
    "#440154",
    "#482475",
    "#414487",
    "#355f8d",
    "#2a788e",
    "#21918c",
    "#22a884",
    "#44bf70",
    "#7ad151",
    "#bddf26",
    "#fde725",
)
DIVERGING: Final = (
    "#08305e",
    "#1b5c9e",
    "#4391c6",
    "#92c5de",
    "#d4e6f0",
    "#f6f5f2",
    "#fbdfc0",
    "#fbb871",
    "#ea832a",
    "#b9520a",
    "#712d04",
)
FORGET: Final = ("#f5f7f9", "#c3dcf0", "#7db3df", "#3a86c8", "#0f5a9e", "#083866", "#041d38")
INPUT: Final = ("#f4f8f5", "#bfe5d6", "#77c8ad", "#2fa283", "#00765a", "#004c3a", "#002a20")
OUTPUT: Final = ("#faf6f9", "#ecd0ea", "#d39bcf", "#b467ae", "#87397f", "#571f51", "#300e2c")
"""Of one gate, as `web/colours.js` has them for light pages: the darker the wider open."""
MAPS: Final = {
    "sequential": SEQUENTIAL, "diverging": DIVERGING, "forget": FORGET, "input": INPUT,
    "output": OUTPUT,
}  # fmt: skip
QUANTITIES: Final = {
    "forget": "#0b62a8",
    "input": "#007a5e",
    "candidate": "#b3560a",
    "output": "#95408f",
    "cell": "#8a6a00",
    "hidden": "#3d4554",
    "reset": "#95408f",
    "update": "#0b62a8",
}
"""One colour per quantity, on paper; the page's own, in light mode."""

MISSING: Final = 255
"""Palette index of a value that is not there (NaN): transparent."""


@cache
def lookup(name: str) -> NDArray[np.uint8]:
    """Return the 255 colours of a map.

    Args:
        name: Of `MAPS`: "sequential", "diverging", "forget", "input" or "output".

    Returns:
        (255, 3) uint8 red, green, blue.

    Examples:
        >>> lookup("sequential")[0].tolist()
        [68, 1, 84]
    """
    anchors = MAPS[name]
    rgb = np.array([[int(a[i : i + 2], 16) for i in (1, 3, 5)] for a in anchors], float)
    at = np.linspace(0, len(anchors) - 1, MISSING)
    channels = [np.interp(at, np.arange(len(anchors)), rgb[:, k]) for k in range(3)]
    return np.stack(channels, axis=1).round().astype(np.uint8)


def quantize(values: Array, low: float, high: float) -> NDArray[np.uint8]:
    """Return palette indices: `low` is 0, `high` is 254, NaN is `MISSING`.

    Examples:
        >>> quantize(np.array([0.0, 0.5, 1.0, np.nan]), 0.0, 1.0).tolist()
        [0, 127, 254, 255]
    """
    span = high - low if high > low else 1.0
    scaled = np.clip((np.asarray(values, float) - low) / span, 0.0, 1.0) * (MISSING - 1)
    return np.where(np.isnan(scaled), MISSING, np.nan_to_num(scaled).round()).astype(np.uint8)


def png_uri(indices: NDArray[np.uint8], name: str) -> str:
    """Return a palette PNG of (rows, columns) indices as a data URI.

    Args:
        indices: (rows, columns) uint8 from `quantize`.
        name: The colour map, of `MAPS`.

    Returns:
        A `data:image/png;base64,` URI of 1 byte per value before compression.

    Raises:
        ShapeError: `indices` is not a non-empty matrix.
    """
    if indices.ndim != 2 or indices.size == 0:
        raise ShapeError(f"indices: expected a (rows, columns) matrix, got {indices.shape}")
    rows, columns = indices.shape
    palette = lookup(name).tobytes() + b"\0\0\0"
    raw = np.zeros((rows, columns + 1), np.uint8)  # PNG: each row starts with its filter, 0
    raw[:, 1:] = indices
    png = b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", palette),
            _chunk(b"tRNS", b"\xff" * MISSING + b"\0"),
            _chunk(b"IDAT", zlib.compress(raw.tobytes(), 9)),
            _chunk(b"IEND", b""),
        )
    )
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _chunk(kind: bytes, body: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + crc
