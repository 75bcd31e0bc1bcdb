"""Write the demo's tables in README.md and README.zh-CN.md from docs/results/.

docs/results/demo.json  is what `glasscell demo` leaves in its folder;
docs/results/co2.json   is the metrics.json of the run that examples/co2.py makes.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
NAMES = {
    "naive": "朴素",
    "seasonal naive": "季节朴素",
    "drift": "漂移",
    "ridge": "岭回归",
    "trees": "梯度提升树",
    "ETS": "指数平滑（ETS）",
    "Theta": "Theta 法",
    "ARIMA": "自回归积分滑动平均（ARIMA）",
    "plain RNN": "普通 RNN",
    "LSTM": "LSTM",
}
HEADS = {
    "en": {
        "adding": "| network | hidden units | parameters | steps | mean squared error | seconds |",
        "fit": "| method | MAE | RMSE | MASE | parameters | seconds |",
        "always": "always answering 1",
        "took": "Both parts together took {seconds:.0f} s, {jobs} networks at a time.",
    },
    "zh": {
        "adding": "| 网络 | 隐藏单元 | 参数 | 训练步数 | 均方误差 | 秒 |",
        "fit": "| 方法 | MAE | RMSE | MASE | 参数 | 秒 |",
        "always": "永远回答 1",
        "took": "整个演示用了 {seconds:.0f} 秒，同时训练 {jobs} 个网络。",
    },
}


def main() -> None:
    """Rewrite both READMEs."""
    demo = json.loads((ROOT / "docs/results/demo.json").read_text())
    co2 = json.loads((ROOT / "docs/results/co2.json").read_text())
    for path, lang in (("README.md", "en"), ("README.zh-CN.md", "zh")):
        text = (ROOT / path).read_text()
        glucose = forecast(demo["glucose"], lang) + "\n\n" + _took(demo, lang)
        for name, table in (
            ("adding", adding(demo["adding"], lang)),
            ("glucose", glucose),
            ("co2", forecast(co2, lang)),
        ):
            text = _replaced(text, name, table, path)
        (ROOT / path).write_text(text)
        print(f"Wrote {path}")


def adding(part: dict[str, Any], lang: str) -> str:
    """The best try of each network; the best is the one of the least error."""
    lines = [HEADS[lang]["adding"], "|---|--:|--:|--:|--:|--:|"]
    lines.append(f"| {HEADS[lang]['always']} | – | – | – | {part['always_one']:.3f} | – |")
    tries: dict[str, dict[str, Any]] = {}
    for one in part["tries"]:
        best = tries.get(one["network"])
        if best is None or one["mean_squared_error"] < best["mean_squared_error"]:
            tries[one["network"]] = one
    lines += [
        f"| {_name(name, lang)} | {t['hidden_size']} | {t['parameters']:,} | {t['steps']:,} | "
        f"{t['mean_squared_error']:.4f} | {t['seconds']:.1f} |"
        for name, t in tries.items()
    ]
    return "\n".join(lines) + _quoted(part["verdict"])


def forecast(part: dict[str, Any], lang: str) -> str:
    """All methods of one fit, the LSTM in bold."""
    lines = [HEADS[lang]["fit"], "|---|--:|--:|--:|--:|--:|"]
    for m in part["methods"]:
        spread = f" ± {m['mae_sd']:.2f}" if m["mae_sd"] else ""
        mae = f"{m['mae']:.2f}{spread}"
        if m["name"] == "LSTM":
            mae = f"**{mae}**"
        lines.append(
            f"| {_name(m['name'], lang)} | {mae} | {m['rmse']:.2f} | {m['mase']:.3f} | "
            f"{m['parameters']:,} | {m['seconds']:.1f} |"
        )
    return "\n".join(lines) + _quoted(part["verdict"])


def _took(demo: dict[str, Any], lang: str) -> str:
    return HEADS[lang]["took"].format(seconds=demo["seconds"], jobs=demo["jobs"])


def _quoted(sentence: str) -> str:
    return f"\n\n> {sentence[0].upper()}{sentence[1:]}"


def _name(name: str, lang: str) -> str:
    return NAMES.get(name, name) if lang == "zh" else name


def _replaced(text: str, name: str, table: str, path: str) -> str:
    begin, end = f"<!-- demo:{name} -->", "<!-- /demo -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    new, count = pattern.subn(lambda _: f"{begin}\n{table}\n{end}", text)
    if count != 1:
        raise SystemExit(f"{path}: expected one {begin} ... {end}, found {count}")
    return new


if __name__ == "__main__":
    main()
