"""Digits read pixel by pixel: the same network and training from three forget biases."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from glasscell.report.views.curves.data import Chart
from glasscell.reproduce.laboratory import Row, Tell, Trial
from glasscell.reproduce.problems import Examples, digits
from glasscell.reproduce.side_by_side import (
    SEQUENCES,
    Entry,
    SideBySide,
    Start,
    Test,
    mean_of,
    named,
    right,
)
from glasscell.reproduce.today import Today

NAME = "digits"
TITLE = ("Digits, pixel by pixel", "逐像素读数字")
SOURCE = "Le, Jaitly & Hinton (2015), section 4.2, and those who followed, on 28 x 28"
COLUMNS = (("right", ("right, %", "答对，%")), SEQUENCES)
__all__ = ["COLUMNS", "NAME", "SOURCE", "TITLE", "curves", "rows", "run", "sentence", "trials"]

FILE = "GLASSCELL_DIGITS"
"""Environment variable: path of an .npz file of 28 x 28 digits, see `problems.digits`."""
STARTS: tuple[Start, ...] = (0.0, 1.0, "chrono")
SMALL, ENLARGED, LARGE = "8 x 8", "24 x 24", "28 x 28"
TIMES = 3
"""How many times wider and higher those of 8 x 8 are shown: 576 steps in place of 64."""
PUBLISHED: Mapping[Start, float] = {0.0: 24.1, 1.0: 98.9}
WHY: Mapping[Start, str] = {
    0.0: "published with 100 units, bias 0 and Adam at 0.000001, which is too slow for anything; "
    "ours differs from the other rows in its bias alone",
    1.0: "published with 100 units, RMSprop, an identity recurrent matrix and many more passes",
}

FILE_ADDS = f"published on 28 x 28: {FILE}=FILE.npz adds those rows"
MORE = {
    SMALL: FILE_ADDS,
    ENLARGED: "those of 8 x 8, each pixel three times in its row and each row three times: as much "
    f"is to be kept over nine times as many steps; {FILE_ADDS}",
}


@cache
def _parts(file: str | None, enlarge: int) -> tuple[Examples, Examples]:
    return digits(None if file is None else Path(file), enlarge=enlarge)


def _shown(part: int, size: str, count: int, chance: np.random.Generator) -> Examples:
    """Draw pictures of the training part (0), or all those of the test part (1)."""
    file = os.environ[FILE] if size == LARGE else None
    examples = _parts(file, TIMES if size == ENLARGED else 1)[part]
    return examples.chosen(chance.integers(0, len(examples), count)) if part == 0 else examples


def _entry(size: str, start: Start) -> Entry:
    large = size == LARGE
    return Entry(
        name=f"{size}, {named(start)}",
        options=Today(
            hidden_size=100 if large else 32,
            loss="classes",
            forget_bias=start,
            longest={SMALL: 64, ENLARGED: 64 * TIMES**2, LARGE: 784}[size],
            rate=0.001 if large else 0.005,
            batch_size=64 if large else 32,
            steps=10_000 if large else 2000,
        ),
        draw=partial(_shown, 0, size),
        tests=(Test(column="right", draw=partial(_shown, 1, size), measure=right),),
        published={"right": PUBLISHED[start]} if large and start in PUBLISHED else {},
        trials=1 if large else 3,
        quick=int(size == SMALL and start != 1.0),
        differs=WHY.get(start, "") if large else MORE[size],
        read={"file": sha256(Path(os.environ[FILE]).read_bytes()).hexdigest()} if large else {},
    )


def _all() -> SideBySide:
    sizes = (SMALL, ENLARGED, *((LARGE,) if os.environ.get(FILE) else ()))
    entries = tuple(_entry(size, start) for size in sizes for start in STARTS)
    return SideBySide(entries=entries, better="more")


def trials(quick: bool, seeds: int | None) -> list[Trial]:
    """List what is to be run; 28 x 28 only where `FILE` names a file."""
    return _all().trials(quick, seeds)


def run(trial: Trial, line: Tell) -> dict[str, Any]:
    """Train and test one network."""
    return _all().run(trial, line)


def rows(done: Sequence[tuple[Trial, dict[str, Any]]]) -> list[Row]:
    """Lay out what was found beside what was published."""
    return _all().rows(done)


def curves(done: Sequence[tuple[Trial, dict[str, Any]]]) -> list[Chart]:
    """Draw how the networks learnt."""
    return _all().curves(done)


def sentence(rows: Sequence[Row]) -> tuple[str, str]:
    """Say how well each start reads."""
    for size in (LARGE, ENLARGED, SMALL):
        found = [(s, mean_of(rows, f"{size}, {named(s)}", "right")) for s in STARTS]
        told = [f"{named(start)}: {share:.1f} %" for start, share in found if share is not None]
        if told:
            return (
                f"Digits of {size} pixels, one pixel a step, told right by the same network from "
                f"three starts: {', '.join(told)}.",
                f"{size} 像素的数字，每步一个像素，同一网络三种初始值的正确率：{'，'.join(told)}。",
            )
    return "", ""
