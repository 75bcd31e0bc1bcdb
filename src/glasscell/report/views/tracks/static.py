"""The units that keep track, without script."""

from __future__ import annotations

from typing import Final

from glasscell.report.draw.markup import escape, fixed
from glasscell.report.page.exploration import Exploration
from glasscell.report.page.frame_words import table as words

__all__ = ["ORDER", "TITLE", "build"]

ORDER: Final = 2.6
TITLE: Final = "view.tracks"
_HEAD: Final = ("what", "unit", "r", "chance")


def build(shown: Exploration, lang: str) -> str:
    """Return the body of the section; "" for a page that is of no text."""
    found = shown.measures.get("tracks")
    if not found:
        return ""
    say = {key: pair[lang == "zh"] for key, pair in words().items() if key.startswith("tracks.")}
    rows = ""
    for one in found:
        first = one["units"][0] if one["units"] else None
        named = say["tracks.none"]
        if first is not None and one["found"]:
            name = shown.layers[first["layer"]].name
            named = say["tracks.named"].format(layer=name, unit=first["unit"])
        what = one["what"][lang == "zh"]
        rows += (
            f"<tr><td>{escape(what)}</td><td>{escape(named)}</td>"
            f"<td class=n>{'–' if first is None else fixed(first['r'], 2)}</td>"
            f"<td class=n>{fixed(one['chance'], 2)}</td></tr>"
        )
    head = "".join(f"<th>{escape(say[f'tracks.{key}'])}</th>" for key in _HEAD)
    return (
        f'<div class="scroll whole"><table class="results"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )
