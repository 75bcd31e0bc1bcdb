"""The words of the view on results."""

from __future__ import annotations

from typing import Final

__all__ = ["WORDS"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "view.results": ("Results", "结果"),
    "view.results.how": (
        "Every method is scored on the same held-out data. The highlighted row is the network that "
        "this page opens; read it against the rows beside it, baselines included.",
        "所有方法都在同一份留出数据上评分。高亮行是本页所展示的网络；请与其他行（包括基线）对照阅读。",
    ),
    "results.notes": ("How this was made, and what it does not show", "说明与局限"),
}
