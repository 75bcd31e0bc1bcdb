"""Digits read pixel by pixel: what the picture shows must be kept to its last row."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from glasscell.arrays import Array
from glasscell.errors import DataError
from glasscell.reproduce.problems.examples import Examples, at_the_end, one_hot


def digits(
    file: Path | None = None, permute: int | None = None, enlarge: int = 1
) -> tuple[Examples, Examples]:
    """Give pictures of digits as sequences of pixels: training and test part.

    Args:
        file: An .npz file with x_train, y_train, x_test, y_test of pictures of 28 x 28 (or any
            size); None: the 1,797 pictures of 8 x 8 that come with scikit-learn, whose last 20 %
            are the test part.
        permute: Seed of one order in which the pixels of all pictures are read; None: row by row.
        enlarge: How many times wider and higher those of scikit-learn are shown: as much to tell a
            digit from, over `enlarge`² times as many steps.

    Returns:
        x is 1 wide, in 0 … 1; target 10 wide, asked for after the last pixel.

    Raises:
        DataError: The file is none of this kind.

    Notes:
        Le, Jaitly and Hinton (2015), arXiv:1504.00941, section 4.2, on 28 x 28.

    >>> digits(enlarge=3)[1].lengths[:2].tolist()
    [576, 576]
    """
    train, test = _of_scikit_learn(enlarge) if file is None else _of_file(file)
    order = np.arange(train[0].shape[1])
    if permute is not None:
        order = np.random.default_rng(permute).permutation(len(order))
    first, second = (_sequences(x[:, order], y) for x, y in (train, test))
    return first, second


def _sequences(pixels: Array, labels: Array) -> Examples:
    count, length = pixels.shape
    ends = length * np.arange(1, count + 1)
    return at_the_end(pixels.reshape(-1, 1).astype(np.float64), ends, one_hot(labels, 10))


def _of_scikit_learn(enlarge: int) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    cut = 4 * len(x) // 5
    x = np.kron(x.reshape(-1, 8, 8), np.ones((enlarge, enlarge))).reshape(len(x), -1)
    return (x[:cut] / 16, y[:cut]), (x[cut:] / 16, y[cut:])


def _of_file(file: Path) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    names = ("x_train", "y_train", "x_test", "y_test")
    try:
        with np.load(file, allow_pickle=False) as held:
            x_train, y_train, x_test, y_test = (held[name] for name in names)
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise DataError(
            f"{file}: expected an .npz file with {', '.join(names)}, got: {error}"
        ) from error
    for x, y in ((x_train, y_train), (x_test, y_test)):
        if x.ndim < 2 or y.shape != x.shape[:1] or y.min(initial=0) < 0 or y.max(initial=0) > 9:
            raise DataError(
                f"{file}: expected pictures (n, rows, columns) and labels 0 … 9 (n,), got "
                f"{x.shape} and {y.shape}"
            )
    most = float(max(x_train.max(), 1))
    return (
        (x_train.reshape(len(x_train), -1) / most, y_train.astype(np.int64)),
        (x_test.reshape(len(x_test), -1) / most, y_test.astype(np.int64)),
    )
