"""What a run of a layer is told as addresses: two structs whose fields have names.

An array object costs the core a quarter of a microsecond, and a call has up to thirty of them;
callers on the fast path check their memory themselves and hand over where it lies. The fields are
those of the structs in cpp/bindings/addresses.cc, each 0 unless it is given; `_core.pyi` lists
them, and a test holds the two together.
"""

from __future__ import annotations

from glasscell._core import Addresses, GradientAddresses
from glasscell.arrays import Array

__all__ = ["Addresses", "GradientAddresses", "address_of", "strides_of"]


def address_of(array: Array | None) -> int:
    """Give where an array's numbers begin, 0 for None."""
    if array is None:
        return 0
    address: int = array.__array_interface__["data"][0]
    return address


def strides_of(array: Array) -> tuple[int, int]:
    """Give how far apart two steps and two rows of (T, B, ·) lie, in elements."""
    step, row, _ = array.strides
    return step // array.itemsize, row // array.itemsize
