"""Reber words without an end, of 2000: a cell that cannot forget fills, and its network fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from scipy.stats import fisher_exact  # type: ignore[import-untyped]

from glasscell.arrays import Array
from glasscell.engine.online import MemoryBlocks, OnlineRun
from glasscell.reference.memory_blocks import BlockSizes
from glasscell.report.views.curves.data import Chart
from glasscell.reproduce.laboratory import Row, Tell, Trial, rows_of, spread
from glasscell.reproduce.online_training import BlockNetwork
from glasscell.reproduce.problems import Examples, joined, reber_stream
from glasscell.reproduce.problems.reber_grammar import SYMBOLS, legal_first
from glasscell.reproduce.today import Today
from glasscell.reproduce.trial_curves import banded
from glasscell.reproduce.two_forms import Modern, TwoForms, shares_right

NAME = "continual-reber"
TITLE = ("Continual Reber grammar: learning to forget", "连续 Reber 文法：学会遗忘")
SOURCE = "Gers, Schmidhuber & Cummins (2000), section 4, table 2"
COLUMNS = (
    ("solved", ("perfect, %", "完美，%")),
    ("streams", ("training streams until then", "此前训练流数")),
    ("good", ("good, %", "良好，%")),
    ("good_length", ("their mean test stream", "其测试流平均长度")),
    ("rest", ("rest, %", "其余，%")),
    ("rest_length", ("their mean test stream", "其测试流平均长度")),
    ("state", ("mean |cell state| after 2,000 symbols", "2,000 个符号后 |细胞状态| 均值")),
    ("wrong", ("wrong of 2,560 streams", "2,560 条流中答错")),
)

WRONG = 0.49
"""An error from which on a stream is over."""
LENGTH = 100_000
"""Symbols of the longest stream."""
GOOD = 1000
TESTS = 10
WATCHED, PIECE = 2000, 40
"""Symbols over which the cell states are watched, and over how many of them a mean is taken."""
PUBLISHED_TRIALS = 100
ENOUGH = 10
"""Trials from which on "no difference" says something."""
STEPS = 5_000_000
NETWORK = BlockNetwork(
    sizes=BlockSizes(inputs=7, blocks=4, cells_per_block=2, outputs=7, forget_gate=True),
    hears="cells",
    biased="gates",
    direct=True,
    spread=0.2,
    input_biases=(-0.5, -1.0, -1.5, -2.0),
    output_biases=(-0.5, -1.0, -1.5, -2.0),
    forget_biases=(0.5, 1.0, 1.5, 2.0),
)
"""424 weights."""
WITHOUT = replace(NETWORK, sizes=replace(NETWORK.sizes, forget_gate=False), forget_biases=None)
DIFFERS = (
    f"10 networks for 100; a training also ends after {STEPS:,} symbols; it is tested when a "
    "training stream came to its end without an error, and at last; streams begin at chance words "
    "of a ring of 100,000 symbols, another one for tests"
)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A row of table 2.

    Args:
        network: The network.
        resets: Whether somebody resets its state at the end of each word.
        decay: What its learning rate is multiplied by after every 100 streams.
        table: What was published.
        differs: What else differs.
    """

    network: BlockNetwork
    resets: bool = False
    decay: float = 1.0
    table: dict[str, float]
    differs: str = DIFFERS

    @property
    def settings(self) -> dict[str, Any]:
        """What decides a trial's result."""
        return {"network": asdict(self.network), "resets": self.resets, "decay": self.decay}


def _table(solved: float, streams: float | None, good: float, rest: float, *lengths: float) -> Any:
    told = {"solved": solved, "good": good, "rest": rest, "rest_length": lengths[-1]}
    told |= {} if streams is None else {"streams": streams}
    return told | ({"good_length": lengths[0]} if len(lengths) > 1 else {})


KINDS = {
    "LSTM of 1997, reset after each word": Kind(
        network=WITHOUT, resets=True, table=_table(74, 7441, 0, 26, 31)
    ),
    "LSTM of 1997": Kind(network=WITHOUT, table=_table(0, None, 1, 99, 1166, 37)),
    "LSTM with forget gates": Kind(network=NETWORK, table=_table(18, 18_889, 29, 53, 39_171, 145)),
    "LSTM with forget gates, falling rate": Kind(
        network=NETWORK,
        decay=0.99,
        table=_table(62, 14_087, 6, 32, 68_464, 30),
        differs=f"{DIFFERS}; the rate is multiplied by 0.99 after every 100 streams, for how often "
        "is not told by the table",
    ),
}


def words(steps: int, count: int, chance: np.random.Generator) -> Examples:
    """Draw streams of at least so many symbols; all that may come next is asked for."""
    return joined([reber_stream(steps, chance) for _ in range(count)])


_FORMS = TwoForms(
    [],
    [
        Modern(
            name="streams of 60 symbols",
            options=Today(
                hidden_size=16,
                loss="classes",
                forget_bias=1.0,
                rate=0.01,
                batch_size=16,
                steps=800,
                validation=100,
            ),
            draw=partial(words, 60),
            tolerance=WRONG,
            right=legal_first,
            rnn_rate=0.003,
            task="streams of 60 symbols and what is left of the last word, each from a zero "
            "state; all symbols that may come next must lead",
        )
    ],
)


class Ring:
    """A stream without an end, of so many symbols that come again.

    Args:
        chance: Source of chance.
        length: Symbols.
    """

    def __init__(self, chance: np.random.Generator, length: int = LENGTH) -> None:
        self.length = length
        self.x, self.target = (np.concatenate([a, a]) for a in reber_stream(length, chance))
        # A word has two E: that of the inner word and its own.
        self.ends = np.flatnonzero(self.x[:, SYMBOLS.index("E")])[1::2] + 1

    def run(
        self, network: MemoryBlocks, word: int, resets: bool, length: int = 0, **how: Any
    ) -> OnlineRun:
        """Run a network from the start of a word on, over `length` symbols or the whole ring."""
        first, length = int(self.ends[word]), length or self.length
        within = slice(first, first + length)
        ends = np.array([length])
        if resets:
            some = self.ends[(self.ends > first) & (self.ends < first + length)] - first
            ends = np.append(some, length)
        return network.run(self.x[within], self.target[within], ends, **how)

    def starts(self, count: int, chance: np.random.Generator) -> Array:
        """Draw words of the first round."""
        return chance.integers(0, len(self.ends) // 2 - 1, count)


def trials(quick: bool, seeds: int | None) -> list[Trial]:
    """List the networks of 2000, then LSTM and plain RNN of today."""
    settings = {"streams": 3000 if quick else 30_000, "steps": 300_000 if quick else STEPS}
    number = seeds or (1 if quick else 10)
    old = [
        Trial(name, {**settings, **kind.settings}, seed)
        for name, kind in KINDS.items()
        for seed in range(number)
    ]
    new = _FORMS.trials(quick, number if quick else seeds)
    return old + [trial for trial in new if not quick or trial.settings["cell"] == "LSTM"]


def run(trial: Trial, line: Tell) -> dict[str, Any]:
    """Train one network on streams, test it, and watch its cells."""
    if trial.row not in KINDS:
        return _FORMS.run(trial, line)
    kind = KINDS[trial.row]
    chance = np.random.default_rng([trial.seed, 2000])
    network = kind.network.begin(chance)
    length = min(LENGTH, int(trial.settings["steps"]))
    ring, other = Ring(chance, length), Ring(chance, length)
    tests = other.starts(TESTS, chance)
    rate, steps, streams, solved = 0.5, 0, 0, False
    for word in ring.starts(int(trial.settings["streams"]), chance):
        ran = ring.run(network, int(word), kind.resets, rate=rate, per_step=True, stop=WRONG)
        steps, streams = steps + ran.steps, streams + 1
        if not _failed(ran) and all(
            length == LENGTH for length in lengths_until_wrong(network, other, kind, tests)
        ):
            solved = True
            break
        if streams % 100 == 0:
            rate *= kind.decay
            line.tell(f"{streams:,} streams")
        if steps >= trial.settings["steps"] or line.stopped:
            break
    lengths = lengths_until_wrong(network, other, kind, tests)
    shown = other.run(network, int(tests[0]), kind.resets, WATCHED, states=True)
    assert shown.states is not None
    states = np.abs(shown.states).reshape(-1, PIECE * network.sizes.cells).mean(axis=1)
    mean = float(np.mean(lengths))
    return {
        "solved": solved,
        "streams": streams,
        "symbols": steps,
        "length": mean,
        "states": [round(float(value), 4) for value in states],
        "said": f"{streams:,} streams, test streams of {mean:,.0f} symbols",
    }


def lengths_until_wrong(network: MemoryBlocks, ring: Ring, kind: Kind, starts: Array) -> list[int]:
    """Give after how many symbols each test stream had its first error; the ring's length: none."""
    lengths = []
    for word in starts:
        ran = ring.run(network, int(word), kind.resets, stop=WRONG)
        lengths.append(ran.steps - 1 if _failed(ran) else ring.length)
    return lengths


def _failed(ran: OnlineRun) -> bool:
    return bool(ran.largest.max() >= WRONG)


def rows(done: Sequence[tuple[Trial, dict[str, Any]]]) -> list[Row]:
    """Lay out how many networks were perfect, good, and neither, beside table 2."""
    of_kinds = [
        _row(name, [result for _, result in some])
        for name, some in rows_of(done).items()
        if name in KINDS
    ]
    return of_kinds + _FORMS.rows([(t, result) for t, result in done if t.row not in KINDS])


def curves(done: Sequence[tuple[Trial, dict[str, Any]]]) -> list[Chart]:
    """Draw the cell states by symbol, lowest and highest network around the median."""
    lines = []
    for name, some in rows_of(done).items():
        if name in KINDS:
            states = np.array([result["states"] for _, result in some])
            symbols = [PIECE * (number + 0.5) for number in range(states.shape[1])]
            lines.append(banded(name, symbols, states, np.median))
    chart = Chart(
        title=(
            "Mean |cell state| on a stream that nobody ends",
            "无人终止的流上 |细胞状态| 的均值",
        ),
        x=("symbols", "符号数"),
        y=("|cell state|", "|细胞状态|"),
        lines=lines,
        log_y=True,
    )
    return [chart] * bool(lines) + _FORMS.curves(done)


def _row(name: str, results: Sequence[dict[str, Any]]) -> Row:
    kind, number = KINDS[name], len(results)
    perfect = [result for result in results if result["solved"]]
    good = [r["length"] for r in results if not r["solved"] and r["length"] > GOOD]
    rest = [r["length"] for r in results if not r["solved"] and r["length"] <= GOOD]
    last = [result["states"][-1] for result in results]
    ours: dict[str, float | str] = {
        "solved": 100 * len(perfect) / number,
        "good": 100 * len(good) / number,
        "rest": 100 * len(rest) / number,
        "state": float(np.mean(last)),
    }
    spreads = {"state": spread(last)}
    for key, values in {
        "streams": [result["streams"] for result in perfect],
        "good_length": good,
        "rest_length": rest,
    }.items():
        if values:
            ours[key], spreads[key] = float(np.mean(values)), spread(values)
    verdict = judged(len(perfect), number, kind.table["solved"])
    return Row(name, kind.table, ours, number, spreads, verdict, kind.differs)


def judged(perfect: int, number: int, published: float) -> str:
    """Compare so many perfect networks of `number` with the published part of 100.

    >>> judged(1, 10, 18.0), judged(9, 10, 18.0), judged(0, 3, 62.0)
    ('matched', 'better', 'not told apart by 3 trials')
    """
    told = round(published * PUBLISHED_TRIALS / 100)
    table = [[perfect, number - perfect], [told, PUBLISHED_TRIALS - told]]
    if fisher_exact(table).pvalue >= 0.05:
        return "matched" if number >= ENOUGH else f"not told apart by {number} trials"
    return "better" if 100 * perfect / number > published else "short of it"


def sentence(rows: Sequence[Row]) -> tuple[str, str]:
    """Say what the cells hold, and who predicts."""
    named = {row.name: row for row in rows}
    without, gated = (named.get(n) for n in ("LSTM of 1997", "LSTM with forget gates"))
    if without is None or gated is None:
        return "", ""
    one, other = (float(row.ours["state"]) for row in (without, gated))
    english = (
        f"After 2,000 symbols without a reset the mean |cell state| is {one:.1f} without forget "
        f"gates and {other:.1f} with them"
    )
    chinese = (
        f"连续 2,000 个符号而不重置后，无遗忘门时 |细胞状态| 均值为 {one:.1f}，"
        f"有遗忘门时为 {other:.1f}"
    )
    shares = shares_right(rows, "streams of 60 symbols")
    if shares is None:
        return f"{english}.", f"{chinese}。"
    right, plain = shares
    return (
        f"{english}; the LSTM of today predicts {right:.1f} % of the streams of 60 symbols "
        f"without an error, the plain RNN {plain:.1f} %.",
        f"{chinese}；今天的 LSTM 无错地预测了 {right:.1f}% 的 60 符号流，"
        f"普通 RNN 为 {plain:.1f}%。",
    )
