"""What a network writes, without script."""

from __future__ import annotations

from typing import Final

from glasscell.report.draw.markup import escape
from glasscell.report.page.exploration import Exploration

__all__ = ["ORDER", "TITLE", "build"]

ORDER: Final = 2.8
TITLE: Final = "view.sample"


def build(shown: Exploration, lang: str) -> str:
    """Return the body of the section; "" for a page without a sample."""
    text = shown.measures.get("sample")
    return "" if not text else f'<p class="running">{escape(text)}</p>'
