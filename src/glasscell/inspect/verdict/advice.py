"""What a verdict says: which sentence, with which numbers, and what to change."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite, log
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from glasscell import cells
from glasscell.cells.direct import Direct, direct_path, form, gates_by
from glasscell.inspect.gradients.decay import Decay
from glasscell.inspect.memory.timescales import forget_bias
from glasscell.inspect.verdict.sentences import Phrase, Term

if TYPE_CHECKING:
    from glasscell.cells import Cell
    from glasscell.inspect.gradients.flow import LayerFlow

__all__ = [
    "Phrases",
    "breaks",
    "cut_off",
    "dips",
    "exploding",
    "gate_of",
    "healthy",
    "longer",
    "no_lag",
    "not_finite",
    "remember",
    "short",
    "silent",
    "states",
    "stops",
    "vanishing",
]

Phrases: TypeAlias = tuple[Phrase, ...]

ENOUGH_UNITS = 0.1
"""Share of units with a half-life as long as the lag from which on the belt is not blamed."""


def vanishing(symbol: str, rate: float, reach: int, lag: int) -> Phrase:
    """Say after how many steps the gradient is gone."""
    return Phrase("vanishing", {"symbol": symbol, "rate": rate, "reach": reach, "lag": lag})


def short(symbol: str, rate: float, reach: int, lag: int) -> Phrase:
    """Say that fresh gradients at every step hide a short reach."""
    return Phrase("short", {"symbol": symbol, "rate": rate, "reach": reach, "lag": lag})


def stops(words: Callable[..., Phrase], symbol: str, seen: Decay) -> Phrase:
    """Say at which lag a gradient stops that does not fade.

    Args:
        words: `vanishing` or `short`, for the form of the sentence.
        symbol: Of the gradient.
        seen: Its decay; it has a reach of at least 2.
    """
    assert seen.reach is not None
    values = {"kept": seen.kept, "last": seen.reach - 1}
    fades = words(symbol, seen.rate, seen.reach, seen.lag)
    return Phrase(f"{fades.key}, stops", {**fades.values, **values})


def no_lag(symbol: str) -> Phrase:
    """Say that lag 0 asks nothing of a memory."""
    return Phrase("no lag", {"symbol": symbol})


def states(step: int) -> tuple[Phrase, Phrase]:
    """Say from which step on the states are not finite, so that no gradient can be judged."""
    return Phrase("states break", {"step": step}), Phrase("not finite.do")


def healthy(symbol: str, seen: Decay, spread: bool, alone: bool) -> Phrases:
    """Say how much arrives at the far end; the phrases make one sentence.

    Args:
        symbol: Of the gradient.
        seen: Its decay.
        spread: Whether every step has a gradient of its own.
        alone: Whether `seen` is of what the last step alone sends back.
    """
    if seen.lag == 0:
        return (Phrase("one step", {"symbol": symbol}),)
    rate = seen.rate
    if (rate - 1) * (seen.change - 1) < 0:  # the line leans the other way than the ends
        rate = seen.change ** (1 / seen.lag)
    values = {"symbol": symbol, "rate": rate, "change": seen.change, "lag": seen.lag}
    phrases = [Phrase("healthy", values)]
    if spread:
        phrases.append(Phrase("healthy, alone" if alone else "healthy, spread"))
    if isfinite(rate) and 0 < rate < 0.999:
        phrases.append(Phrase("healthy, until", {"until": round(log(1e-4) / log(rate))}))
    return tuple(phrases)


def dips(symbol: str, seen: Decay) -> Phrase:
    """Say between which lags the gradient is gone, where it comes back."""
    return Phrase(
        "dips",
        {"symbol": symbol, "dips": seen.dips, "least": seen.least, "lowest": seen.lowest,
         "change": seen.change, "lag": seen.lag},
    )  # fmt: skip


def exploding(
    symbol: str, rate: float, largest: float, peak: int, overflows: int | None, cell: Cell
) -> tuple[Phrase, Phrase]:
    """Say how fast the gradient grows, and how to hold it."""
    values = {"symbol": symbol, "rate": rate, "largest": largest, "lag": peak}
    key = "exploding"
    if overflows is not None:
        values |= {"overflows": overflows}
        key = "overflowing" if isfinite(rate) else "overflowing at once"
    # Of a ReLU network's matrix the eigenvalues do tell: its slopes are 0 or 1.
    return Phrase(key, values), Phrase(f"exploding.{'relu' if form(cell) == 'relu' else 'do'}")


def silent(symbol: str) -> tuple[Phrase, Phrase]:
    """Say that no gradient arrives at all."""
    return Phrase("silent", {"symbol": symbol}), Phrase("silent.do")


def not_finite(symbol: str) -> tuple[Phrase, Phrase]:
    """Say that the gradient is broken before it travels."""
    return Phrase("not finite", {"symbol": symbol}), Phrase("not finite.do")


def breaks(symbol: str, lag: int) -> tuple[Phrase, Phrase]:
    """Say from where on the gradient is NaN."""
    return Phrase("breaks", {"symbol": symbol, "lag": lag}), Phrase("not finite.do")


def cut_off(steps: int, reverse: bool) -> tuple[Phrase, Phrase]:
    """Say that the loss reads a layer only where it has not yet seen anything."""
    return Phrase("cut off", {"steps": steps}), Phrase(f"cut off.{'reverse' if reverse else 'do'}")


def remember(
    flow: LayerFlow, lag: int, reach: int, gone: bool = False, sudden: bool = False
) -> tuple[Phrase | None, Phrase]:
    """Say why a layer does not carry gradients over a lag, and how to make it.

    Args:
        flow: Of the layer.
        lag: That is asked for.
        reach: Lag from which on there is next to none.
        gone: Whether it is exactly 0 from there on; default no.
        sudden: Whether it was no small one at the lag before; default no.
    """
    cell = cells.of(flow.mode)
    path, shape = direct_path(cell), form(cell)
    # Neither a gate nor tanh turns a gradient to 0 within a step; a ReLU that is off does.
    stopped = gone and sudden and shape != "relu"
    stop = Phrase("stops.do", {"reach": reach})
    if path is None:
        return (None, stop) if stopped else _without_path(shape, lag, reach)
    if flow.half_life is None or not len(flow.half_life):
        return None, stop if stopped else longer(cell, lag)
    state = gate_of(cell, path.name)
    long_enough = float(np.mean(flow.half_life >= lag))
    if long_enough < ENOUGH_UNITS:
        values = {"median": float(np.median(flow.half_life)), "state": state}
        return Phrase("half of units", values), stop if stopped else longer(cell, lag)
    share = Phrase("long enough", {"share": long_enough, "lag": lag, "state": state})
    cut = Phrase("cut.do", {"reach": reach, "state": state})
    return share, cut if gone else _not_the_path(cell, path)


def _without_path(shape: str, lag: int, reach: int) -> tuple[Phrase, Phrase]:
    """Of a cell no state of which stays by itself."""
    values = {"bias": forget_bias(max(lag, 1)), "lag": lag, "reach": reach}
    do = Phrase("rnn.do", values)
    if shape == "gated":
        return Phrase("no path"), do
    slope = "1 - h_t^2" if shape == "tanh" else Phrase("relu slope")
    return Phrase("rnn", {"slope": slope}), do


def _not_the_path(cell: Cell, path: Direct) -> Phrase:
    """Say what else than a short half-life to look for."""
    if path.gate is None:
        return Phrase("not the path.do", {"state": gate_of(cell, path.name)})
    drop = Phrase("closes" if path.open_keeps else "opens")
    values: dict[str, Phrase] = {"keeps": gate_of(cell, path.gate), "drop": drop}
    if path.shows is None:
        return Phrase("not the path, gate.do", values)
    return Phrase("not the path, shown.do", {**values, "shows": gate_of(cell, path.shows)})


def longer(cell: Cell, lag: int) -> Phrase:
    """Say how to make a cell remember over a lag.

    Args:
        cell: One with a direct path.
        lag: In steps.
    """
    path = direct_path(cell)
    assert path is not None
    bias = forget_bias(max(lag, 1))
    values: dict[str, Any] = {"bias": bias, "lag": lag, "span": max(lag, 2)}
    if path.gate not in gates_by(cell, "sigmoid"):
        stays = 2.0 ** (-1.0 / max(lag, 1))
        values |= {"state": gate_of(cell, path.name), "stays": stays}
        return Phrase("longer.path.do", values)
    values |= {"keeps": gate_of(cell, path.gate)}
    if not path.open_keeps:
        return Phrase("longer.shut.do", values)
    if path.writes in (None, path.gate):
        return Phrase("longer.open.do", values)
    return Phrase("longer.do", {**values, "writes": gate_of(cell, path.writes)})


def gate_of(cell: Cell, name: str | None) -> Term:
    """Give a gate or a state of a cell as a word of sentences."""
    letters = {one: letter for letter, one in {**cell.gates, **cell.states}.items()}
    assert name is not None
    return Term(name, letter=letters[name], state=name in cell.state_names)
