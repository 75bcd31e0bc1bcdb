"""A contest between two kinds of network as the page gets it: who won, the table, the gradients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.inspect.gradients.extremes import shape
from glasscell.inspect.gradients.flow import LayerFlow
from glasscell.inspect.verdict.findings import OF_LAG
from glasscell.inspect.verdict.sentences import KINDS, LANGUAGES
from glasscell.report.page.exploration import Pair
from glasscell.report.page.frame_words import table as words
from glasscell.report.page.measured import Measured
from glasscell.report.views.results.data import Table, Text, both

__all__ = ["Contest", "contest"]

ARRAYS: Final = {"duel/k/hidden": "(T,) norms of the k-th river; also cell and cell_path"}
MEASURES: Final = {
    "contest": "{said, table, rivers: [{name, mark, kind, said, parts}]}",
}

PARTS: Final = ("hidden", "cell", "cell_path")


@dataclass(frozen=True, kw_only=True, eq=False)
class Contest:
    """Two kinds of network on one problem.

    Args:
        said: Who solved it.
        table: Every try.
        flows: Name of a network ("RNN, untrained") to its gradients; the loss is at the last step.
        lag_needed: Whether the task needs every step there is, so that a gradient that vanishes is
            a fault; else it is one only if it does.
    """

    said: Text
    table: Table
    flows: Mapping[str, LayerFlow]
    lag_needed: bool = False


def contest(given: Contest) -> Measured:
    """Give the page `measures.contest` and the arrays "duel/NUMBER/PART"."""
    arrays: dict[str, Array] = {}
    rivers: list[dict[str, Any]] = []
    for place, (name, flow) in enumerate(given.flows.items()):
        own = {part: a for part in PARTS if (a := getattr(flow, part)) is not None}
        arrays |= {f"duel/{place}/{part}": np.asarray(norms) for part, norms in own.items()}
        kind = flow.judge().kind
        doubted = kind in OF_LAG and not given.lag_needed
        rivers.append(
            {
                "name": name,
                "mark": "maybe" if doubted else "good" if kind == "healthy" else "bad",
                "kind": KINDS[kind],
                "said": said(flow, given.lag_needed),
                "parts": list(own),
            }
        )
    record = {"said": both(given.said), "table": given.table.record(), "rivers": rivers}
    return Measured(arrays=arrays, numbers={"contest": record})


def said(flow: LayerFlow, lag_needed: bool) -> Pair:
    """Say what a network's gradient does: the verdict on it, where it is strongest and weakest."""
    english, chinese = (_sentence(flow, lag_needed, lang) for lang in LANGUAGES)
    return english, chinese


def _sentence(flow: LayerFlow, lag_needed: bool, lang: str) -> str:
    last, verdict, column = len(flow.hidden) - 1, flow.judge(), lang == "zh"

    def back(step: int) -> str:
        return words()["duel.back"][column].format(lag=last - step)

    seen = verdict.said(lang)[0]
    doubted = verdict.kind in OF_LAG and not lag_needed
    only = words()["duel.only"][column].format(lag=verdict.lag) if doubted else ""
    stop = "。" if column else ". "
    where = shape(flow, back, lang)
    return f"{seen[:1].upper()}{seen[1:]}{stop}{where}{only}"
