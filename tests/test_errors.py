"""The tree of exceptions: each is caught as what it says it is."""

from __future__ import annotations

import pytest

from glasscell import errors


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.ShapeError, ValueError),
        (errors.DtypeError, TypeError),
        (errors.WeightFormatError, ValueError),
        (errors.DataError, ValueError),
    ],
)
def test_each_error_is_a_glasscell_error_and_a_builtin(error, builtin):
    assert issubclass(error, errors.GlasscellError)
    assert issubclass(error, builtin)


def test_the_docstring_draws_every_exception():
    for name in errors.__all__:
        assert name in errors.__doc__


def test_nothing_is_both_kinds_of_builtin():
    for name in errors.__all__:
        error = getattr(errors, name)
        assert not (issubclass(error, TypeError) and issubclass(error, ValueError))
