"""What the page shows without script: the verdict, the table of layers, static pictures."""

from __future__ import annotations

from glasscell.report.explore.data import Exploration
from glasscell.report.markup import escape

__all__ = ["build"]


def build(shown: Exploration, lang: str) -> str:
    """Return the static part of the page as HTML."""
    column = 1 if lang == "zh" else 0
    return "".join(f"<p>{escape(finding.text[column])}</p>" for finding in shown.findings)
