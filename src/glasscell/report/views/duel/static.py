"""The duel without script: who won, every try, and each network's gradient on one scale."""

from __future__ import annotations

from typing import Final

import numpy as np

from glasscell.report.draw import axes, charts
from glasscell.report.draw.markup import escape, short
from glasscell.report.page.exploration import Exploration
from glasscell.report.page.frame_words import table as words
from glasscell.report.views.results.static import table
from glasscell.report.views.river.static import chart, keys, limits

__all__ = ["ORDER", "TITLE", "build"]

ORDER: Final = 11
TITLE: Final = "view.duel"


def build(shown: Exploration, lang: str) -> str:
    """Return the body of the section; "" for a page without a contest."""
    found = shown.measures.get("contest")
    if found is None:
        return ""
    column = lang == "zh"
    drawn = [
        {part: np.asarray(shown.arrays[f"duel/{k}/{part}"]) for part in river["parts"]}
        for k, river in enumerate(found["rivers"])
    ]
    bounds = limits([norms for own in drawn for norms in own.values()])
    panels = "".join(
        f'<figure class="panel"><h3>{short(river["name"])} '
        f'<span class="badge {river["mark"]}">{escape(river["kind"][column])}</span></h3>'
        f'<p class="note">{escape(river["said"][column])}</p>{chart(own, bounds, lang)}'
        f"{_lags(len(own['hidden']), lang)}</figure>"
        for river, own in zip(found["rivers"], drawn, strict=True)
    )
    return (
        f'<p class="says">{escape(found["said"][column])}</p>{table(found["table"], lang)}'
        f'{keys(drawn, lang)}<div class="panels static">{panels}</div>'
    )


def _lags(steps: int, lang: str) -> str:
    """The axis: steps back from the loss, which is at the right."""
    lags = [int(v) for v in axes.number_ticks(0, steps - 1, 5) if v == int(v)]
    ticks = [axes.Tick(at=(steps - 1 - v + 0.5) / steps, text=str(v)) for v in lags[::-1]]
    return charts.x_axis(ticks, escape(words()["axis.lag"][lang == "zh"]))
