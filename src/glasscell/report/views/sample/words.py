"""The words of the view on what a network writes."""

from __future__ import annotations

from typing import Final

__all__ = ["WORDS"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "view.sample": ("What it writes", "它写出的文本"),
    "view.sample.how": (
        "Drawn from what the network foretells, one symbol after the other: glasscell sample RUN "
        "writes more.",
        "根据网络的预测逐个符号抽取而成；glasscell sample RUN 可以写出更多。",
    ),
}
