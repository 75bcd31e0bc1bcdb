"""Make the tables of README.md, README.zh-CN.md and docs/performance.md from results of machines.

usage: python benchmarks/report.py results/NAME.json [results/OTHER.json ...] [--cells FILE ...]

The first machine has a column for each engine. Every further machine has two in the READMEs, our
time and the best other engine there, and a whole table of its own in docs/performance.md. A result
given with --cells has rows of the GRU and of cells that run as programs; they make tables of their
own, a short one in the READMEs and a whole one in docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glasscell.bench.engines import ENGINES, OURS
from glasscell.bench.readable import amount, beside, best_peer, sizes, times
from glasscell.bench.run import FORMAT, VERSION

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- benchmark:{} -->", "<!-- /benchmark -->"

# README's rows. The row that we lose by most on each machine joins them, whichever it is.
FIRST_SCREEN = (
    "LSTM training (100, 32, 128, 128)",
    "LSTM inference (100, 32, 128, 128)",
    "LSTM ragged inference (100, 32, 128, 128)",
    "LSTM every gate (100, 32, 128, 128)",
    "LSTM inference (100, 1, 256, 256)",
    "LSTM one step (1, 1, 64, 64)",
    "RNN training (100, 32, 128, 128)",
)
CELLS = (
    "GRU training (100, 32, 128, 128)",
    "GRU inference (100, 32, 128, 128)",
    "GRU one step (1, 1, 64, 64)",
    "LSTM training, own cell (100, 32, 128, 128)",
    "LSTM inference, own cell (100, 32, 128, 128)",
)
LIMIT = {"en": "% of limit", "zh": "占极限 %"}
BEST = {"en": "best other", "zh": "最快的对手"}
BESIDE = {"en": "beside our other way", "zh": "与我们的另一种做法相比"}
FOOT = {
    "en": "{machines}. float32, one layer; {versions}; medians, engines in turns. ×: their time "
    "over ours, below 1 we lose; the best other engine is bold. `make bench` repeats it.",
    "zh": "{machines}。float32，单层；{versions}；各引擎轮流测，取中位数。"
    "×：对方用时除以我们的用时，小于 1 即我们输；最快的对手为粗体。`make bench` 可重现。",
}
MACHINE = {
    "en": "{cpu}, {isa}, {threads} threads, up to {turns} blocks, {date}{commit}",
    "zh": "{cpu}，{isa}，{threads} 个线程，最多 {turns} 段，{date}{commit}",
}
CHINESE = {
    "one step": "单步（NumPy 流）",
    "inference": "推理",
    "training": "训练一步",
    "ragged inference": "长度不一的推理",
    "ragged training": "长度不一的训练",
    "every gate": "取得每一步的每个门",
    "cell from torch": "Cell，由 torch 单步调用",
    "pool, one step": "流池，单步",
    "first call": "新进程的首次调用",
    "new length": "从未见过的长度",
    "peak memory": "训练的内存峰值",
    "peak memory, checkpoint": "训练的内存峰值（检查点）",
    "training, checkpoint": "训练一步（检查点）",
    "one step, bfloat16 weights": "单步，bfloat16 权重",
    "one step, int8 weights": "单步，int8 权重",
    "one step, own cell": "单步，自己写的单元",
    "inference, own cell": "推理，自己写的单元",
    "training, own cell": "训练一步，自己写的单元",
    "training, layer norm": "训练一步，层归一化",
    "training, zoneout": "训练一步，zoneout",
    "training, recurrent dropout": "训练一步，循环 dropout",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--cells", type=Path, nargs="*", default=[])
    arguments = parser.parse_args()
    if arguments.cells:
        write_cells([read(path) for path in arguments.cells])
    first, *further = map(read, arguments.results)
    rows = first_screen(first, *further)
    whole = "\n\n".join(table(one, measured(one), "en", full=True) for one in (first, *further))
    for path, text in (
        ("README.md", table(first, rows, "en", further)),
        ("README.zh-CN.md", table(first, rows, "zh", further)),
        ("docs/performance.md", whole),
    ):
        replace(ROOT / path, text)
        print(f"Wrote {path}")
    return 0


def write_cells(results: Sequence[dict[str, Any]]) -> None:
    """Write the tables of the cells: of the first machine in the READMEs, of all in the docs."""
    first = results[0]
    known = {row["label"]: row for row in measured(first)}
    rows = [known[label] for label in CELLS]
    whole = "\n\n".join(table(one, measured(one), "en", full=True) for one in results)
    for path, text in (
        ("README.md", table(first, rows, "en", full=True)),
        ("README.zh-CN.md", table(first, rows, "zh", full=True)),
        ("docs/performance.md", whole),
    ):
        replace(ROOT / path, text, "cells")


def read(path: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if (result.get("format"), result.get("version")) != (FORMAT, VERSION):
        raise SystemExit(f"{path}: expected a result of glasscell bench, version {VERSION}")
    return result


def measured(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for row in result["rows"] if OURS in row["median"]]


def first_screen(first: dict[str, Any], *further: dict[str, Any]) -> list[dict[str, Any]]:
    labels = list(FIRST_SCREEN)
    for result in (first, *further):
        rows = {row["label"]: row for row in measured(result)}
        if missing := [label for label in FIRST_SCREEN if label not in rows]:
            raise SystemExit(f"expected a whole result, found none of {', '.join(missing)}")
        rivals = [row for row in rows.values() if best_peer(row)]
        labels.append(min(rivals, key=lambda row: best_peer(row)[1])["label"])
    rows = {row["label"]: row for row in measured(first)}
    return [rows[label] for label in dict.fromkeys(labels)]


def table(
    result: dict[str, Any],
    rows: list[dict[str, Any]],
    lang: str,
    further: Sequence[dict[str, Any]] = (),
    *,
    full: bool = False,
) -> str:
    peers = [name for name in result["engines"] if name != OURS]
    heads = ["", "(T, B, I, H)", OURS, *(ENGINES[name].title for name in peers), LIMIT[lang]]
    for other in further:
        heads += [f"{OURS}, {other['environment']['isa']}", BEST[lang]]
    heads += [BESIDE[lang]] * full
    lines = [heads, ["---", "---", *["--:"] * (len(heads) - 2)]]
    for row in rows:
        cells = [name(row, lang), sizes(row), own(row, full=full), *(peer(row, p) for p in peers)]
        cells.append(f"{100 * row['limit']['share']:.0f}" if row["limit"] else "–")
        for other in further:
            cells += in_short(other, row["label"])
        lines.append(cells + [beside(row) or "–"] * full)
    body = "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
    return f"{body}\n\n<sub>{foot([result, *further], lang)}</sub>"


def in_short(result: dict[str, Any], label: str) -> list[str]:
    """Our time for a row on a further machine, and the best other engine there."""
    row = next((row for row in measured(result) if row["label"] == label), None)
    if row is None:
        return ["–", "–"]
    best = best_peer(row)
    rival = f"{ENGINES[best[0]].title} {times(best[1])}" if best else "–"
    return [own(row, full=False), rival]


def name(row: dict[str, Any], lang: str) -> str:
    if lang == "zh":
        said = CHINESE[row["name"]]
        return f"{row['mode']}{'' if said.startswith('Cell') else '，'}{said}"
    return f"{row['mode']}, {row['name']}"


def own(row: dict[str, Any], *, full: bool) -> str:
    spread = f" ± {100 * row['spread'][OURS]:.0f} %" if full and row["turns"] > 1 else ""
    return amount(row["median"][OURS], row["unit"]) + spread


def peer(row: dict[str, Any], engine: str) -> str:
    if engine not in row["ratio"]:
        return "–"
    text, best = times(row["ratio"][engine]), best_peer(row)
    return f"**{text}**" if best and best[0] == engine else text


def foot(results: Sequence[dict[str, Any]], lang: str) -> str:
    versions = {}
    for result in results:
        for engine in result["engines"].values():
            for package, version in engine.items():
                versions.setdefault(package, []).append(version)
    shown = [
        f"{package} {' / '.join(dict.fromkeys(numbers))}"
        for package, numbers in versions.items()
        if package not in ("glasscell", "numpy")
    ]
    machines = "; ".join(machine(result, lang) for result in results)
    return FOOT[lang].format(machines=machines, versions=", ".join(shown))


def machine(result: dict[str, Any], lang: str) -> str:
    about = result["environment"]
    return MACHINE[lang].format(
        cpu=f"{about['cpu']} (family/model {about['cpu_family_model']})",
        isa=about["isa"],
        threads=about["threads"],
        turns=max(row["turns"] for row in result["rows"]),
        date=about["date"],
        commit=f", {about['commit']}" if about["commit"] else "",
    )


def replace(path: Path, text: str, block: str = "speed") -> None:
    begin = BEGIN.format(block)
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(END), re.DOTALL)
    old = path.read_text(encoding="utf-8")
    new, count = pattern.subn(lambda _: f"{begin}\n{text}\n{END}", old)
    if count != 1:
        raise SystemExit(f"{path}: expected one {begin} ... {END}, found {count}")
    path.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
