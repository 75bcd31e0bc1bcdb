"""Says in one sentence whether the network was worth it, and claims no more than a paired test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats  # type: ignore[import-untyped]

from glasscell.arrays import Array
from glasscell.data.wording import number
from glasscell.tasks.sequences.scores import Method, Scoreboard

LEVEL = 0.05
"""Below this p-value a difference counts as more than chance."""

MANY = 2000
"""Independent differences from which on their mean is normal enough for a t test."""

RESAMPLES = 9999

IN_WORDS = {
    "majority": ("the majority class", "多数类"),
    "mean": ("the mean", "均值"),
    "ridge on summaries": ("ridge on summaries", "统计摘要上的岭回归"),
    "logistic regression on n-grams": ("logistic regression on n-grams", "n-gram 上的逻辑回归"),
    "ridge on n-grams": ("ridge on n-grams", "n-gram 上的岭回归"),
    "ridge on steps": ("ridge on steps", "逐步岭回归"),
    "1-NN (DTW)": ("the nearest neighbour (DTW)", "最近邻（DTW）"),
    "1-NN (Euclidean)": ("the nearest neighbour (Euclidean)", "最近邻（欧氏距离）"),
    "MiniRocket and ridge": ("MiniRocket and ridge", "MiniRocket 加岭回归"),
    "plain RNN": ("the plain RNN", "普通 RNN"),
}
"""Methods as sentences name them; others by their names with the article."""


@dataclass(frozen=True)
class Verdict:
    """How the network stands to the best baseline.

    Args:
        english: One sentence.
        chinese: The same.
        rival: The best baseline.
        gap: The network's first metric less the rival's.
        p: Chance of such a difference if there is none; 1 where the two are equal.
        units: What was compared pair by pair: sequences or groups.
    """

    english: str
    chinese: str
    rival: str
    gap: float
    p: float
    units: int

    @property
    def clear(self) -> bool:
        """Whether the difference is more than chance."""
        return self.p < LEVEL


def verdict(methods: Sequence[Method], cell: str, board: Scoreboard) -> Verdict:
    """Compare the network with the best of the other methods on the same test sequences.

    Args:
        methods: All results; the network is among them.
        cell: The network's name.
        board: The truth.

    Notes:
        Where the network is behind, the p-value is multiplied by the number of the others: the best
        of them was chosen by the same test sequences.
    """
    own = next(m for m in methods if m.name == cell)
    others = [m for m in methods if m.name != cell]
    sign = -1 if board.goal == "regress" else 1
    rival = max(others, key=lambda m: sign * m.headline)
    gap = own.headline - rival.headline
    p, units = _paired(own, rival, board)
    if sign * gap < 0:
        p = min(1.0, p * len(others))
    english, chinese = _sentences(own, rival, sign * gap, p, board)
    return Verdict(english, chinese, rival.name, gap, p, units)


def _paired(own: Method, rival: Method, board: Scoreboard) -> tuple[float, int]:
    """Give the p-value of the paired test and the number of pairs.

    The pairs are sequences, or groups where there are any. Where all rounds share one test part,
    the difference has to exceed that between rounds too.
    """
    tested = np.isfinite(own.marks).any(axis=0) & np.isfinite(rival.marks).any(axis=0)
    mine, other = own.marks[:, tested], rival.marks[:, tested]
    weights = board.weights()[tested]
    sums = (np.nanmean(mine, axis=0) - np.nanmean(other, axis=0)) * weights / weights.mean()
    groups = board.plan.sequences.groups
    if groups is not None:
        _, owner = np.unique(groups[board.units[tested]], return_inverse=True)
        sums = np.bincount(owner, sums)
    p = p_value(sums)
    if not board.apart and own.rounds > 1:
        shares = weights / weights.sum()
        by_round = (mine - other.mean(axis=0)) @ shares
        if np.ptp(by_round) > 0:
            p = max(p, float(stats.ttest_1samp(by_round, 0.0).pvalue))
    return p, len(sums)


def p_value(differences: Array) -> float:
    """Test whether the mean of paired differences is 0, two-sided.

    Args:
        differences: (U,) of independent units.

    Returns:
        The exact p-value of the sign test if all differences that are not 0 are of one size, which
        is McNemar's exact test of right and wrong; else of the randomization test that turns signs,
        exact up to 13 units and of 9,999 draws for more; of a t test from 2,000 units on.

    >>> p_value(np.array([1, 1, 1, 1, 1, -1, 0, 0]))
    0.21875
    """
    there = differences[differences != 0]
    if not len(there):
        return 1.0
    if np.ptp(abs(there)) <= 1e-12 * abs(there).max():
        return float(stats.binomtest(int((there > 0).sum()), len(there)).pvalue)
    if len(there) >= MANY:
        return float(stats.ttest_1samp(differences, 0.0).pvalue)
    result = stats.permutation_test(
        (there,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=1000,
        axis=0,
        rng=np.random.default_rng(0),
    )
    return float(result.pvalue)


def _sentences(
    own: Method, rival: Method, ahead: float, p: float, board: Scoreboard
) -> tuple[str, str]:
    """Write the verdict in English and Chinese."""
    said = f"p {'< 0.001' if p < 0.001 else f'= {p:.2g}'}"
    (name, name_zh), (other, other_zh) = (
        IN_WORDS.get(one.name, (f"the {one.name}", one.name)) for one in (own, rival)
    )
    name_zh, other_zh = (f"{one} " if one[-1].isascii() else one for one in (name_zh, other_zh))
    step = board.plan.labels.per_step
    things, things_zh = ("steps", "步") if step else ("sequences", "序列")
    word = "ahead" if ahead > 0 else "behind"
    word_zh = "领先" if ahead > 0 else "落后"
    if board.goal == "regress":
        unit = " standard deviations" if board.plan.outputs > 1 else ""
        one, two = number(own.headline), number(rival.headline)
        english = (
            f"The mean absolute error of {name} on the test {things} is {one}{unit}, that of "
            f"{other} {two}"
        )
        chinese = f"{name_zh}在测试{things_zh}上的平均绝对误差为 {one}，{other_zh}为 {two}"
    else:
        one, two = percents(own.headline, rival.headline)
        of = "the labels of the test" if board.goal == "multilabel" else "the test"
        english = (
            f"{name[0].upper()}{name[1:]} is right in {one} of {of} {things}, {other} in {two}"
        )
        labels = "的标签" if board.goal == "multilabel" else ""
        chinese = f"{name_zh}判对了 {one} 的测试{things_zh}{labels}，{other_zh}判对了 {two}"
    if ahead == 0:
        return f"{english}: no difference.", f"{chinese}：没有差别。"
    if p >= LEVEL:
        return (
            f"{english}; the difference is within chance ({said}).",
            f"{chinese}；差异在偶然范围之内（{said}）。",
        )
    return (
        f"{english}; it is {word} by more than chance ({said}).",
        f"{chinese}；{word_zh}幅度超出偶然范围（{said}）。",
    )


def percents(one: float, two: float) -> tuple[str, str]:
    """Write two rates with as many digits as tell them apart, at least one.

    >>> percents(0.973, 0.981), percents(0.98765, 0.98761)
    (('97.3 %', '98.1 %'), ('98.77 %', '98.76 %'))
    """
    digits = 1
    while digits < 4 and one != two and f"{100 * one:.{digits}f}" == f"{100 * two:.{digits}f}":
        digits += 1
    return f"{100 * one:.{digits}f} %", f"{100 * two:.{digits}f} %"
