"""Matches are the ranges at which the chosen units are on again, found by a slow search too."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell.errors import DataError, ShapeError
from glasscell.inspect import LayerTrace, match


def pattern(steps: int, units: int, *ranges: tuple[int, int, list[int]]) -> np.ndarray:
    values = np.full((steps, units), -0.1)
    for start, stop, on in ranges:
        values[start:stop, on] = 0.9
    return values


def test_the_same_units_on_for_as_long_score_one_and_come_first() -> None:
    first = pattern(30, 6, (2, 6, [1, 4]), (10, 14, [1, 4, 5]), (20, 22, [1, 4]))
    second = pattern(12, 6, (3, 7, [1, 4]), (9, 11, [4]))
    found = match([first, second], (0, 2, 6), 0.5)
    np.testing.assert_array_equal(found.units, [1, 4])
    assert [(m.series, m.start, m.stop, m.score, m.extra) for m in found.found] == [
        (1, 3, 7, 1.0, 0.0),
        (0, 10, 14, 1.0, 1.0),
        (0, 20, 22, 0.5, 0.0),
    ]


def test_a_part_of_the_units_is_enough_down_to_the_least_share() -> None:
    values = pattern(20, 8, (0, 3, [0, 1, 2, 3]), (6, 9, [0, 1, 2]), (12, 15, [0, 1]))
    found = match([values], (0, 0, 3), 0.5).found
    assert [(m.start, m.share) for m in found] == [(6, 0.75)]
    found = match([values], (0, 0, 3), 0.5, least=0.5).found
    assert [(m.start, m.share) for m in found] == [(6, 0.75), (12, 0.5)]


def brute_force(values: list[np.ndarray], chosen: tuple[int, int, int], threshold: float) -> set:
    series, start, stop = chosen
    units = [
        u
        for u in range(values[0].shape[1])
        if all(values[series][t][u] >= threshold for t in range(start, stop))
    ]
    found = set()
    for s, value in enumerate(values):
        enough = [
            sum(value[t][u] >= threshold for u in units) >= 0.75 * len(units)
            for t in range(len(value))
        ]
        for a in range(len(value)):
            for b in range(a + 1, len(value) + 1):
                longest = not (a and enough[a - 1]) and not (b < len(value) and enough[b])
                touches = s == series and a < stop and b > start
                if all(enough[a:b]) and longest and not touches:
                    found.add((s, a, b))
    return found


@pytest.mark.parametrize("seed", range(20))
def test_all_longest_runs_are_found_and_no_others(seed: int) -> None:
    chance = np.random.default_rng(seed)
    values = [np.repeat(chance.normal(size=(8, 5)), 3, axis=0)[:20] for _ in range(3)]
    chosen = (1, 4, 6)
    units = (values[1][4:6] >= 0.2).all(axis=0)
    if not units.any():
        with pytest.raises(DataError, match="the highest that one keeps there"):
            match(values, chosen, 0.2)
        return
    found = match(values, chosen, 0.2, limit=None)
    assert {(m.series, m.start, m.stop) for m in found.found} == brute_force(values, chosen, 0.2)
    scores = [m.score for m in found.found]
    assert scores == sorted(scores, reverse=True)
    assert len(match(values, chosen, 0.2, limit=1).found) <= 1


def test_a_traced_batch_is_as_good_as_its_sequences() -> None:
    chance = np.random.default_rng(0)
    arrays = {
        name: chance.random((12, 3, 4))
        for name in ("forget", "input", "candidate", "output", "cell", "hidden")
    }
    batch = LayerTrace(**arrays, lengths=np.array([12, 5, 9]))
    chosen, alone = (0, 2, 3), [batch.sequence(b) for b in range(3)]
    for quantity in ("hidden", "cell"):
        whole = match(batch, chosen, 0.5, quantity)
        rows = [arrays[quantity][:n, b] for b, n in enumerate((12, 5, 9))]
        assert whole.found == match(alone, chosen, 0.5, quantity).found
        assert whole.found == match(rows, chosen, 0.5).found


def test_nan_is_off() -> None:
    values = pattern(9, 2, (0, 2, [0]), (4, 6, [0]))
    values[7] = np.nan
    assert [m.start for m in match([values], (0, 0, 2), 0.5).found] == [4]


def test_what_cannot_be_matched_is_refused() -> None:
    values = pattern(9, 2, (0, 2, [0]))
    with pytest.raises(DataError, match=r"highest that one keeps there is -0\.1"):
        match([values], (0, 3, 5), 0.5)
    with pytest.raises(DataError, match="within 1 sequences of 9 steps"):
        match([values], (0, 5, 5), 0.5)
    with pytest.raises(ShapeError, match="the same H"):
        match([values, values[:, :1]], (0, 0, 2), 0.5)
    layer = LayerTrace(*[None] * 5, hidden=values, mode="RNN_TANH", layout="TH")
    with pytest.raises(DataError, match="expected quantity as"):
        match([layer], (0, 0, 2), 0.5, "cell")
    with pytest.raises(DataError, match="quantity as one of"):
        match([layer], (0, 0, 2), 0.5, "mode")


def test_sequences_of_nan_or_without_units_are_refused() -> None:
    values = np.array([[np.nan], [1.0], [np.nan], [1.0]])
    with pytest.raises(DataError, match="the highest that one keeps there is nan"):
        match([values], (0, 0, 2))
    with pytest.raises(ShapeError, match="of at least one unit, got H = 0"):
        match([values[:, :0]], (0, 0, 2))
