"""Reads the UCR archive's tables: a row a sequence, its class first, no names of columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.data.numerals import looks_like_number
from glasscell.data.sequences.content import Content, as_float32, say
from glasscell.data.sequences.reading_options import Known, ReadingOptions
from glasscell.data.sequences.ts_form import half_of, of_pair, pair_of, with_note_of_half
from glasscell.data.wording import count
from glasscell.errors import DataError

ENDINGS = (".tsv", ".txt", ".csv")
SAMPLE = 1 << 12
"""Bytes of the first line that tell whether it begins with numbers."""


def read_ucr(data: Any, options: ReadingOptions, known: Known | None) -> Content | None:
    """Read NAME_TRAIN.tsv, .txt or .csv of the UCR archive, or both halves of a set.

    Args:
        data: A half; the place and name of a pair without its ending; or a folder with one pair.
        options: Nothing of them is needed.
        known: What the run knows.

    Returns:
        The content, or None where the data are no such file.

    Raises:
        DataError: A half is missing, or a line is broken.
    """
    if not isinstance(data, str | Path):
        return None
    path = Path(data)
    if path.is_file():
        if not is_half(path):
            return None
        content = _content(path)
        return content if known is not None else with_note_of_half(content, path)
    pair = pair_of(path, is_half)
    return None if pair is None else of_pair(pair, _content)


def is_half(path: Path) -> bool:
    """Tell whether a file has the name of a half, and numbers where names of columns would be."""
    _, half, ending = half_of(path)
    if not half or ending.lower() not in ENDINGS:
        return False
    with path.open("rb") as stream:
        cells = stream.readline(SAMPLE).decode("latin-1").replace(",", " ").split()
    # The last may be cut in the middle.
    return len(cells) > 2 and all(map(looks_like_number, cells[:-1]))


def _content(path: Path) -> Content:
    sequences, labels, numbers = list[Array](), list[float](), list[int]()
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as stream:
        for number, text in enumerate(stream, 1):
            if text.strip():
                label, steps = _row(text, f"{path}, line {number}")
                labels.append(label)
                sequences.append(steps)
                numbers.append(number)
    lengths = np.array([len(steps) for steps in sequences], np.int64)
    ends = np.cumsum(lengths)

    def place(row: int, _: int) -> str:
        found = int(np.searchsorted(ends, row, side="right"))
        return f"line {numbers[found]}, step {row - ends[found] + lengths[found] + 1}"

    return Content(
        values=as_float32(np.concatenate(sequences)[:, None], 0, place, str(path)),
        lengths=lengths,
        features=["x1"],
        named=False,
        names=[str(number) for number in range(len(labels))],
        labels=(say("class", np.array(labels)),),
        source=path.name,
        notes=[
            f"{path.name} is read as the UCR archive has it: a sequence in each of "
            f"{count(len(labels), 'line')}, its class first."
        ],
        manner={"layout": None},
    )


def _row(text: str, here: str) -> tuple[float, Array]:
    """Give the class and the steps of a line; NaN at its end fills up a shorter sequence."""
    try:
        cells = np.array(text.replace(",", " ").replace("?", "nan").split(), np.float64)
    except ValueError as error:
        raise DataError(
            f"{here}: expected a class and then numbers, as the UCR archive has it; {error}"
        ) from error
    known = np.flatnonzero(~np.isnan(cells))
    if len(known) < 2 or known[0] > 0:
        raise DataError(f"{here}: expected a class and then numbers, got {text.strip()[:40]!r}")
    return float(cells[0]), cells[1 : known[-1] + 1]
