"""Where a picture goes: Axes that were given, or a new figure; names that are taken literally."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from glasscell.errors import ShapeError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["AxesArray", "fits", "grid", "inches", "legend", "one", "plain", "settings"]

AxesArray: TypeAlias = NDArray[np.object_]
"""Array of Axes, as pandas gives it for several panels."""

SMALL: Final = 0.833
"""Size of "small" text over the user's font size."""

LABELS: Final = 0.75
"""Inches of a new figure's height for the legend above and the axis below."""


def settings() -> Any:
    """Give matplotlib's rcParams.

    Raises:
        ModuleNotFoundError: There is no matplotlib.
    """
    try:
        import matplotlib as mpl
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "matplotlib":
            raise
        raise ModuleNotFoundError(
            "expected matplotlib, which the static pictures need, found none; "
            "pip install 'glasscell[report]'",
            name="matplotlib",
        ) from error
    return mpl.rcParams


def inches(width: float | None) -> float:
    """Give the width of a new figure; None takes rcParams["figure.figsize"]."""
    return float(settings()["figure.figsize"][0]) if width is None else width


def grid(
    ax: Any, shape: tuple[int, int], what: str, *, width: float | None, height: float, **more: Any
) -> AxesArray:
    """Give the Axes of a picture of several panels: those given, or those of a new figure.

    Args:
        ax: Rows * columns Axes in reading order, any nesting; None for a new pyplot figure.
        shape: (rows, columns).
        what: What the panels show, for the error message.
        width: Of a new figure, in inches; None takes rcParams["figure.figsize"].
        height: Of a new figure, in inches.
        **more: For `Figure.subplots` of a new figure.

    Returns:
        (rows, columns) array of Axes.

    Raises:
        ShapeError: Another number of Axes was given.
        TypeError: Something else was given.
    """
    rows, columns = shape
    if ax is None:
        wide = inches(width)
        import matplotlib.pyplot as plt

        figure = plt.figure(figsize=(wide, height), layout="constrained")
        new: AxesArray = figure.subplots(rows, columns, squeeze=False, **more)
        return new
    given = np.array(ax, dtype=object)
    _check(given)
    if given.size != rows * columns:
        raise ShapeError(
            f"expected ax as {rows * columns} Axes, one each for {what}, got {given.size}; "
            f"make them with plt.subplots({rows}, {columns})"
        )
    return given.reshape(rows, columns)


def one(ax: Any, *, width: float | None, ratio: float = 0.5) -> Axes:
    """Give the Axes of a picture of one panel.

    Args:
        ax: The Axes to draw in; None for a new pyplot figure.
        width: Of a new figure, in inches; None takes rcParams["figure.figsize"].
        ratio: Height of the data over width of a new figure.
    """
    height = ratio * inches(width) + LABELS
    only: Axes = grid(ax, (1, 1), "the picture", width=width, height=height)[0, 0]
    return only


def legend(ax: Axes, handles: Sequence[Any], names: Sequence[str]) -> None:
    """Put a legend above the data, in as many columns as fit.

    Args:
        ax: where.
        handles: artists.
        names: What each is called; names starting with "_" too, which matplotlib would leave out.
    """
    longest = max(len(name.replace("$", "")) for name in names)
    columns = max(1, sum(fits(ax, k * (longest + 5)) for k in range(1, len(names) + 1)))
    found = ax.legend(
        handles, [str(k) for k in range(len(names))], ncols=columns, frameon=False,
        fontsize="small", loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.1,
        handlelength=1.7, columnspacing=1.2, labelspacing=0.25,
    )  # fmt: skip
    for text, name in zip(found.get_texts(), names, strict=True):
        text.set_text(name)


def fits(ax: Axes, letters: int) -> bool:
    """Tell whether so many small letters find room beside each other above an Axes."""
    letter = SMALL * settings()["font.size"] * 0.55 / 72
    return bool(letters * letter <= ax.bbox.width / ax.figure.dpi)


def plain(name: object, limit: int = 32) -> str:
    r"""Give a name as text that matplotlib shows letter by letter, never as mathematics.

    Args:
        name: Any, of the user.
        limit: Letters after which it is cut.

    >>> print(plain("cost_$ per $ unit"))
    cost_\$ per \$ unit
    """
    text = " ".join(str(name).split())
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    if settings()["text.usetex"]:
        return "".join(_TEX.get(letter, letter) for letter in text)
    return text.replace("$", r"\$")


_TEX: Final = {letter: "\\" + letter for letter in "#$%&_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def _check(given: AxesArray) -> None:
    from matplotlib.axes import Axes

    for each in given.flat:
        if not isinstance(each, Axes):
            raise TypeError(
                f"expected ax as matplotlib Axes, got {type(each).__name__}; a figure's are in "
                "figure.axes, and new ones come from plt.subplots()"
            )
