"""The mistakes without script: the first of them in a table."""

from __future__ import annotations

from typing import Any, Final

from glasscell.report.draw.markup import escape, fixed
from glasscell.report.page.exploration import Exploration
from glasscell.report.page.frame_words import table as words

__all__ = ["ORDER", "TITLE", "build"]

ORDER: Final = 0.6
TITLE: Final = "view.mistakes"
MOST: Final = 20
"""As in view.js."""
_HEAD: Final = ("sequence", "step", "truth", "predicted", "probability")


def build(shown: Exploration, lang: str) -> str:
    """Return the body of the section; "" for a page without predictions."""
    found = shown.measures.get("mistakes")
    if found is None:
        return ""
    say = {key: escape(words()[f"mistakes.{key}"][lang == "zh"]) for key in (*_HEAD, "none")}
    if not found:
        return f'<p class="note">{say["none"]}</p>'
    head = [key for key in _HEAD if found[0].get(key) is not None]
    rows = "".join(
        f"<tr>{''.join(f'<td>{_text(one[key])}</td>' for key in head)}</tr>" for one in found[:MOST]
    )
    return (
        '<div class="scroll whole"><table class="results"><thead><tr>'
        + "".join(f"<th>{say[key]}</th>" for key in head)
        + f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(fixed(number) for number in value)
    return fixed(value) if isinstance(value, float) else escape(value)
