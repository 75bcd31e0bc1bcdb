"""The exceptions that glasscell raises, one per kind of mistake.

::

    Exception
    └── GlasscellError                  everything below; catch this to catch all of them
        ├── ShapeError(ValueError)          an array has the wrong rank or size
        ├── DtypeError(TypeError)           an array has the wrong element type, or is no array
        ├── WeightFormatError(ValueError)   names, sizes or files of weights do not fit the layer
        ├── CellError(ValueError)           a cell of the user's, or a program, does not make sense
        └── DataError(ValueError)           the user's data cannot be used as it is

Each one is also the built-in exception named in brackets, so code that catches ``ValueError`` or
``TypeError`` keeps working. Messages say what was expected, what came, and what to do.
`glasscell.nn` raises the classes that torch raises instead, because it stands in for torch.
"""

from __future__ import annotations

__all__ = [
    "CellError",
    "DataError",
    "DtypeError",
    "GlasscellError",
    "ShapeError",
    "WeightFormatError",
]


class GlasscellError(Exception):
    """Base of every exception that glasscell defines."""


class ShapeError(GlasscellError, ValueError):
    """An array has the wrong rank or size.

    >>> try:
    ...     raise ShapeError("expected x of shape (T, B, I), got (3, 4); add the batch axis")
    ... except ValueError as error:
    ...     print(error)
    expected x of shape (T, B, I), got (3, 4); add the batch axis
    """


class DtypeError(GlasscellError, TypeError):
    """An array has the wrong element type, or something that is no array came in its place."""


class WeightFormatError(GlasscellError, ValueError):
    """Names, sizes or files of weights do not fit the layer that they are meant for."""


class CellError(GlasscellError, ValueError):
    """A cell's definition or program does not make sense: the message names the place."""


class DataError(GlasscellError, ValueError):
    """The user's data cannot be used as it is: a missing column, text for numbers, a gap."""
