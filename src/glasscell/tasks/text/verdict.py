"""Says in a sentence, in English and Chinese, whether the network was worth it on this text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from glasscell.tasks.text.scores import Method

BLOCKS = 20
"""Stretches of the test text that are compared one by one: what is near each other is alike."""

Pair: TypeAlias = tuple[str, str]
Outcome = Literal["clear", "unclear", "untested"]


@dataclass(frozen=True)
class Comparison:
    """How the network stands to one rival.

    Args:
        rival: The rival.
        gap: The network's bits per symbol less the rival's.
        error: Standard error of the gap, of stretches of the text and of seeds; NaN if a compressor
            tells only a sum.
    """

    rival: Method
    gap: float
    error: float

    @property
    def outcome(self) -> Outcome:
        """Whether the gap exceeds two standard errors."""
        if not math.isfinite(self.error):
            return "untested"
        return "clear" if abs(self.gap) > 2 * self.error else "unclear"


def compare(ours: Method, rival: Method) -> Comparison:
    """Compare the network with a rival on the same stretches of the test text."""
    gap = ours.bits - rival.bits
    if ours.costs is None or rival.costs is None or len(ours.costs) < 2 * BLOCKS:
        return Comparison(rival, gap, math.nan)
    parts = np.array_split(ours.costs - rival.costs, BLOCKS)
    means = [float(part.mean()) for part in parts]
    blocks = float(np.var(means, ddof=1)) / BLOCKS
    seeds = sum(m.sd**2 / m.seeds for m in (ours, rival) if math.isfinite(m.sd) and m.seeds)
    return Comparison(rival, gap, math.sqrt(blocks + seeds))


def verdict(methods: Sequence[Method], unit: Pair) -> Pair:
    """Say whether the network, the last of the methods, beat the best of the others.

    Args:
        methods: All results.
        unit: What a symbol is called, in English and Chinese.

    Returns:
        The sentence in English and in Chinese: the best rival, and the best n-gram if that is
        another; how sure it is, over 20 stretches of the same test text and the seeds.
    """
    ours, others = methods[-1], [m for m in methods[:-1] if math.isfinite(m.bits)]
    if not math.isfinite(ours.bits) or not others:
        return (
            f"The {ours.name}'s scores are not finite, so there is nothing to compare.",
            f"{ours.name} 的得分不是有限数，无法比较。",
        )
    best = min(others, key=lambda m: m.bits)
    spread = f" ± {ours.sd:.2g}" if math.isfinite(ours.sd) else ""
    mine = f"{ours.bits:.3f}{spread}"
    first = _relation(ours, compare(ours, best))
    english = f"The {ours.name} ({mine} bits per {unit[0]}) {first[0]}"
    chinese = f"{ours.name}（每{unit[1]} {mine} 比特）{first[1]}"
    grams = [m for m in others if m.name.endswith("-gram")]
    if grams and best not in grams:
        second = _relation(ours, compare(ours, min(grams, key=lambda m: m.bits)))
        english, chinese = f"{english}; it {second[0]}", f"{chinese}；{second[1]}"
    return f"{english}.", f"{chinese}。"


def _relation(ours: Method, found: Comparison) -> Pair:
    rival, size = found.rival, abs(found.gap)
    ahead = found.gap < 0
    name = f"{rival.name} ({rival.bits:.3f})"
    by = f"by {size:.3f}"
    if found.outcome == "unclear":
        where = ("ahead of", "优于") if ahead else ("behind", "落后于")
        return (
            f"is {where[0]} {name} {by}, but not clearly: the difference varies as much between "
            f"stretches of the test text or seeds (standard error {found.error:.3f})",
            f"{where[1]} {name} {size:.3f}，但并不明确：测试文本各段或随机种子之间的差异同样大"
            f"（标准误差 {found.error:.3f}）",
        )
    sure = found.outcome == "clear"
    error = f" (standard error {found.error:.3f} over {BLOCKS} stretches)" if sure else ""
    error_zh = f"（{BLOCKS} 段文本上的标准误差 {found.error:.3f}）" if sure else ""
    return (
        f"{'beats' if ahead else 'does not beat'} {name}: "
        f"{size:.3f} bits {'fewer' if ahead else 'more'}{error}",
        f"{'胜过' if ahead else '没有胜过'} {name}：{'少' if ahead else '多'} {size:.3f} 比特"
        f"{error_zh}",
    )
