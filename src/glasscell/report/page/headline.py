"""What the page says in words, as functions of what it shows: the headline, and one on gradients.

Each takes an `Exploration` and gives English and Chinese; the page, its version without script and
the tests are given the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from glasscell.inspect.gradients.extremes import shape
from glasscell.inspect.gradients.flow import LayerFlow
from glasscell.inspect.verdict.findings import ORDER
from glasscell.inspect.verdict.sentences import KINDS, LANGUAGES
from glasscell.report.draw.markup import fixed
from glasscell.report.page.exploration import Exploration, Finding, Pair, Series
from glasscell.report.page.frame_words import keeper, table

__all__ = ["flows", "headline", "input_names", "judged", "missing", "step_name"]


def headline(shown: Exploration) -> Pair:
    """Say the worst that was found; of a trace without gradients what it shows of memory.

    What the gradient does is said beside a fault of the gates: neither hides the other.

    Args:
        shown: The page; of several networks the first is spoken of.
    """
    own = (None, *shown.series[0].layers)
    judged = [one for one in shown.findings if one.kind != "memory" and one.layer in own]
    if not judged:
        return _traced(shown)
    worst = min(judged, key=lambda one: ORDER.index(one.kind))
    steps = max(series.steps for series in shown.series if not series.first)
    lag = min(int(shown.measures.get("lag", steps - 1)), steps - 1)
    layers = {one.layer for one in judged if one.kind == worst.kind}
    values = {"n": len(layers), "N": _judged(shown), "lag": lag}
    return (
        _headline(shown, worst, values, "en"),
        _headline(shown, worst, values, "zh"),
    )


def _headline(shown: Exploration, worst: Finding, values: Mapping[str, int], lang: str) -> str:
    lags = _say("lags.one" if values["lag"] == 1 else "lags", lang, lag=values["lag"])
    key = f"verdict.head.{worst.kind}" + (".one" if values["N"] == 1 else "")
    if worst.good and values["lag"] < 1:
        key = "verdict.head.step"
    elif worst.good and not _arrives(shown):
        key = "verdict.head.remembers"
    key = key if key in table() else "verdict.head.other"
    said = _say(key, lang, kind=KINDS[worst.kind][lang == "zh"], lags=lags, **values)
    answers = shown.measures.get("answers")
    if worst.assumed and answers is not None:
        pools = _say("verdict.and", lang).join(_say(f"verdict.{pool}", lang) for pool in answers)
        return _say("verdict.pooled" if answers else "verdict.each", lang, pools=pools)
    if worst.assumed:
        said = _say("verdict.assumed", lang, lags=lags, said=said[:1].lower() + said[1:])
    if worst.good or worst.kind == "not finite" or not _arrives(shown):
        return said
    return said + ("" if lang == "zh" else " ") + _say("verdict.arrives", lang, lags=lags)


def flows(shown: Exploration) -> dict[str, Pair]:
    """Say of each series and layer ("0/1") how its gradient is judged, and its extremes.

    Args:
        shown: The page.

    Returns:
        Empty for layers without gradients.
    """
    found = {}
    for s, series in enumerate(shown.series):
        lag = shown.lag(s)
        for k, flow in enumerate(series.flows, series.first):
            if flow is None or not len(flow.hidden):
                continue
            words = [
                (
                    judged(flow, lag, shown.layers[k].name, lang),
                    *_memory_without_gradient(shown, k, flow.judge(lag).kind, lang),
                    shape(flow, step_name(series), lang),
                )
                for lang in LANGUAGES
            ]
            found[f"{s}/{k}"] = (" ".join(filter(None, words[0])), "".join(words[1]))
    return found


def judged(flow: LayerFlow, lag: int | None, layer: str, lang: str = "en") -> str:
    """Give the judgement on a layer, in the words of every verdict.

    Args:
        flow: Of the layer.
        lag: How many steps back the task needs it; None: all there are.
        layer: Its name.
        lang: "en" or "zh"; default "en".
    """
    said = flow.judge(lag).said(lang)[0]
    return f"{layer} 层{said}。" if lang == "zh" else f"{layer} {said}."


def _memory_without_gradient(shown: Exploration, k: int, kind: str, lang: str) -> list[str]:
    """What was found of a layer that needs no change although its gradient is no good."""
    if kind == "healthy":
        return []
    own = [one for one in shown.findings if one.layer == k and one.kind == "healthy"]
    return [one.text[lang == "zh"] for one in own]


def missing(shown: Exploration) -> dict[str, Pair]:
    """Say where what a series' network read is not a finite number.

    Args:
        shown: The page.

    Returns:
        By the series' index; empty where all is finite.
    """
    found = {}
    for s, series in enumerate(shown.series):
        if series.x is None:
            continue
        bad = ~np.isfinite(np.asarray(series.x, np.float64))
        if not bad.any():
            continue
        step, column = (int(place) for place in np.argwhere(bad)[0])
        count, name = int(bad.sum()), input_names(series)[column]
        place = {"series": series.name, "name": name, "step": step_name(series)(step)}
        values = {"count": count, **place}
        key = "wall.missing" if count > 1 else "wall.missing.one"
        found[str(s)] = (_say(key, "en", **values), _say(key, "zh", **values))
    return found


def step_name(series: Series) -> Callable[[int], str]:
    """Give the function that names a step: its label, else its number, counted from 0."""
    labels = series.labels
    if labels is None:
        return "t\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{}".format
    return lambda t: str(labels[t])


def input_names(series: Series) -> list[str]:
    """Name every input; those without a name by their number, counted from 0."""
    count = 0 if series.x is None else series.x.shape[1]
    names = [str(name) for name in series.inputs[:count]]
    return names + [f"x{k}" for k in range(len(names), count)]


def _judged(shown: Exploration) -> int:
    return int(shown.measures.get("judged", len(shown.layers)))


def _arrives(shown: Exploration) -> bool:
    """Whether every layer's gradient is judged to arrive."""
    lag = shown.measures.get("lag")
    own = list(shown.series[0].flows[: _judged(shown)])
    return bool(own) and all(flow is not None and flow.judge(lag).kind == "healthy" for flow in own)


def _traced(shown: Exploration) -> Pair:
    slow = {
        int(place): float("inf") if one["slow"] == "never" else one["slow"]
        for place, one in shown.measures.get("memory", {}).items()
        if one["slow"] is not None
    }
    values: dict[str, Any] = {"N": len(shown.layers), "T": shown.series[0].steps}
    key = "verdict.head.traced"
    if slow:
        place = max(slow, key=lambda layer: slow[layer])
        key += ".never" if slow[place] == float("inf") else ".memory"
        values |= {"layer": shown.layers[place].name, "slow": fixed(slow[place], 1)}
        gates = [keeper(shown.layers[place].cell, lang) for lang in LANGUAGES]
    else:
        gates = ["", ""]
    key += ".one" if len(shown.layers) == 1 else ""
    said = (
        _say(key, lang, gate=gate, **values) for lang, gate in zip(LANGUAGES, gates, strict=True)
    )
    return next(said), next(said)


def _say(key: str, lang: str, **values: object) -> str:
    return table()[key][lang == "zh"].format(**values)
