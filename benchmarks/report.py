"""Make the tables of README.md, README.zh-CN.md and docs/performance.md from a result file.

usage: python benchmarks/report.py results/NAME.json
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- benchmark:{} -->", "<!-- /benchmark -->"

# README's rows: name, task, T, B, I, H. One of them we lose; it stays until we win it.
FIRST_SCREEN = [
    ("LSTM batch", "training", 100, 32, 128, 128),
    ("LSTM batch", "inference", 100, 32, 128, 128),
    ("LSTM every gate returned", "trace", 100, 32, 128, 128),
    ("RNN batch", "training", 100, 32, 128, 128),
    ("LSTM one step", "step", 1, 1, 64, 64),
    ("LSTM sequence", "inference", 100, 1, 256, 256),
    ("LSTMCell from torch", "cell", 1, 4, 16, 32),
]
WORDS = {
    "en": {
        "head": "| (T, B, I, H) | glasscell | torch | ONNX Runtime | % of limit |",
        "training": "{mode}, training step",
        "inference": "{mode}, inference",
        "trace": "{mode}, every gate of every step",
        "step": "{mode}, one step (NumPy stream)",
        "cell": "{mode}Cell, one step",
        "foot": "{cpu}, {isa}, {threads} threads, float32, one layer; torch {torch}, "
        "ONNX Runtime {ort}; medians of {turns} blocks, engines in turns, {date}. "
        "×: their time over ours, below 1 we lose. "
        "`make bench` repeats it.",
    },
    "zh": {
        "head": "| (T, B, I, H) | glasscell | torch | ONNX Runtime | 占极限 |",
        "training": "{mode}，训练一步",
        "inference": "{mode}，推理",
        "trace": "{mode}，取得每一步的每个门",
        "step": "{mode}，单步（NumPy 流）",
        "cell": "{mode}Cell，单步",
        "foot": "{cpu}，{isa}，{threads} 个线程，float32，单层；torch {torch}，ONNX Runtime {ort}；"
        "各引擎轮流测 {turns} 段取中位数，{date}。×：对方用时除以我们的用时，小于 1 即我们输。"
        "`make bench` 可重现。",
    },
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("result", type=Path)
    result = json.loads(parser.parse_args().result.read_text())
    for path, lang, rows in (
        ("README.md", "en", first_screen(result)),
        ("README.zh-CN.md", "zh", first_screen(result)),
        ("docs/performance.md", "en", result["rows"]),
    ):
        _replace(ROOT / path, table(result, rows, lang))
        print(f"Wrote {path}")
    return 0


def first_screen(result: dict[str, Any]) -> list[dict[str, Any]]:
    by_key = {(r["name"], r["task"], r["T"], r["B"], r["I"], r["H"]): r for r in result["rows"]}
    return [by_key[key] for key in FIRST_SCREEN]


def table(result: dict[str, Any], rows: list[dict[str, Any]], lang: str) -> str:
    words = WORDS[lang]
    lines = [words["head"].replace("|", "| |", 1), "|---|---|--:|--:|--:|--:|"]
    for row in rows:
        seconds, ratio = row["median_s"], row["times_faster_than"]
        cells = [
            words[row["task"]].format(mode=row["mode"]),
            f"({row['T']}, {row['B']}, {row['I']}, {row['H']})",
            _time(seconds["glasscell"]),
            *(
                f"{_time(seconds[e])} (×{ratio[e]:.2f})" if e in seconds else "–"
                for e in ("torch", "onnxruntime")
            ),
            f"{100 * row['flop'] / seconds['glasscell'] / result['fma_peak']:.0f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    about = result["env"]
    foot = words["foot"].format(
        cpu=about["cpu"] + f" (family/model {about['cpu_family_model']})",
        isa=about["isa"],
        threads=about["threads"],
        torch=about["versions"]["torch"],
        ort=about["versions"]["onnxruntime"],
        turns=result["turns"],
        date=about["date"],
    )
    return "\n".join(lines) + f"\n\n<sub>{foot}</sub>"


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.1f} µs"


def _replace(path: Path, text: str) -> None:
    begin = BEGIN.format("speed")
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(END), re.DOTALL)
    old = path.read_text()
    new, count = pattern.subn(lambda _: f"{begin}\n{text}\n{END}", old)
    if count != 1:
        raise SystemExit(f"{path}: expected one {begin} ... {END}, found {count}")
    path.write_text(new)


if __name__ == "__main__":
    raise SystemExit(main())
