"""What the page shows without script: of every view what its static.py makes of it."""

from __future__ import annotations

from glasscell.report.draw.markup import escape
from glasscell.report.draw.recurrence import look
from glasscell.report.page.exploration import Exploration
from glasscell.report.page.frame_words import table
from glasscell.report.views import modules

__all__ = ["build"]


def build(shown: Exploration, lang: str) -> str:
    """Return the static part of the page as HTML, the views in the order of their ORDER.

    Args:
        shown: What is shown; pictures are of the first series that went through a layer.
        lang: "en" or "zh".
    """
    drawn = sorted((module for _, module in modules("static")), key=lambda module: module.ORDER)
    how = {module: getattr(module, "how", _how)(module.TITLE, shown) for module in drawn}
    sections = "".join(
        f'<section class="view"><header><h2>{_say(module.TITLE, lang)}</h2>'
        f'<p class="how">{_say(how[module], lang)}</p></header>'
        f'<div class="body">{body}</div></section>'
        for module in drawn
        if (body := module.build(shown, lang))
    )
    return f'{sections}<p class="note">{_say("static.note", lang)}</p>'


def _how(title: str, shown: Exploration) -> str:
    """The word key of what a view shows; of cells that keep by no forget gate its own, if any."""
    key, belts = f"{title}.how.any", [look(layer.cell).belt for layer in shown.layers]
    other = not any(belt is not None and belt.gate == "forget" for belt in belts)
    return key if other and key in table() else f"{title}.how"


def _say(key: str, lang: str) -> str:
    return escape(table()[key][lang == "zh"])
