"""The training log without script: where every network began, its lowest point, where it ended."""

from __future__ import annotations

from typing import Final

from glasscell.report.draw.markup import escape, fixed
from glasscell.report.page.exploration import Exploration
from glasscell.report.page.frame_words import table as words

__all__ = ["ORDER", "TITLE", "build"]

ORDER: Final = 12.5
TITLE: Final = "view.training"


def build(shown: Exploration, lang: str) -> str:
    """Return the body of the section; "" where nothing was logged."""
    column = lang == "zh"
    rows = []
    for one in shown.measures.get("training", ()):
        if not one["at"]:
            continue
        errors = one["validation"]
        best = errors.index(min(errors))
        axis = words()[f"training.{one['axis']}"][column]
        told = [(one["at"][k], errors[k]) for k in (0, best, -1)]
        cells = "".join(f"<td>{fixed(error, 4)} ({escape(axis)} {at})</td>" for at, error in told)
        rows.append(f"<tr><th>{escape(one['name'])}</th>{cells}</tr>")
    if not rows:
        return ""
    head = "".join(f"<th>{escape(words()[f'training.{k}'][column])}</th>" for k in _HEAD)
    return (
        f'<div class="scroll"><table><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


_HEAD = ("first", "best", "last")
