"""Write the tables of runs on labelled sequences and text into docs.

usage: python scripts/fit_tables.py [RUN ...]

Each RUN is a folder that `glasscell fit NAME --out RUN` wrote of a data set that `glasscell
datasets` lists. What counts of its metrics.json goes into docs/results/fits.json; then the tables
between <!-- fits:sequences --> or <!-- fits:text --> and <!-- /fits --> are written anew.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "results" / "fits.json"
KEPT = ("task", "goal", "verdict", "methods", "data", "seeds", "environment")
PAGES = {"en": "docs/{}.md", "zh": "docs/{}.zh-CN.md"}
COLUMNS = {
    "accuracy": ("accuracy", "准确率"),
    "macro_f1": ("macro F1", "宏 F1"),
    "log_loss": ("log loss", "对数损失"),
    "mae": ("MAE", "MAE"),
    "r2": ("R²", "R²"),
    "bits": ("bits", "比特"),
    "bits_per_character": ("bits a character", "每字符比特"),
    "parameters": ("parameters", "参数"),
}
SPLITS = {
    "given": ("the set's own test part, {} seeds", "数据自带的测试部分，{} 个种子"),
    "part": ("one fifth for the test, {} seeds", "五分之一用于测试，{} 个种子"),
    "folds": ("{} folds", "{} 折"),
    None: ("the last 5 % of the text, {} seeds", "文本的最后 5 %，{} 个种子"),
}
OWN = ("LSTM", "GRU")


def main() -> None:
    """Take the runs that are named, and rewrite the pages."""
    known = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    for run in sys.argv[1:]:
        found = json.loads((Path(run) / "metrics.json").read_text(encoding="utf-8"))
        kept = {name: found[name] for name in KEPT if name in found}
        kept["commit"] = _commit()
        known[found["data"]["source"].removeprefix("dataset:")] = kept
    RESULTS.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for path, text in pages(known).items():
        path.write_text(text, encoding="utf-8")


def pages(known: dict[str, Any]) -> dict[Path, str]:
    """Give every page that has tables, with those of the known runs."""
    found = {}
    for task in sorted({run["task"] for run in known.values()}):
        for lang, page in PAGES.items():
            path = ROOT / page.format(task)
            runs = {name: run for name, run in known.items() if run["task"] == task}
            tables = "\n\n".join(table(name, run, lang) for name, run in runs.items())
            found[path] = replaced(path.read_text(encoding="utf-8"), task, tables, path)
    return found


def table(name: str, run: dict[str, Any], lang: str) -> str:
    """Lay one run out: its table, its verdict, and what it was made with."""
    place = list(PAGES).index(lang)
    first = run["methods"][0]
    keys = [key for key in COLUMNS if first.get(key) is not None]
    if first.get("bits") == first.get("bits_per_character"):
        keys = [key for key in keys if key != "bits"]
    heads = [("method", "方法")[place], *(COLUMNS[key][place] for key in keys)]
    lines = [f"**{name}**", "", f"| {' | '.join(heads)} |", "|---|" + "--:|" * len(keys)]
    for method in run["methods"]:
        cells = [figure(key, method) for key in keys]
        cells[0] = f"**{cells[0]}**" if method["name"] in OWN else cells[0]
        lines.append(f"| {' | '.join([method['name'], *cells])} |")
    made = ", ".join(f"{part} {run['environment'][part]}" for part in ("torch", "python"))
    rounds = max(method.get("rounds") or method.get("seeds") or 0 for method in run["methods"])
    about = SPLITS[run["data"].get("split")][place].format(rounds)
    return "\n".join([*lines, "", f"> {run['verdict'][place]}", "",
                      f"<sub>{about}; {run['commit']}, {made}</sub>"])  # fmt: skip


def figure(key: str, method: dict[str, Any]) -> str:
    """Write one number, with the spread between rounds where it has one."""
    if key == "parameters":
        return f"{method[key]:,}"
    spread = method.get(f"{key.removesuffix('_per_character')}_sd")
    return f"{method[key]:.3f}" + (f" ± {spread:.3f}" if spread else "")


def replaced(text: str, task: str, tables: str, path: Path) -> str:
    """Put tables between the marks of a page."""
    begin, end = f"<!-- fits:{task} -->", "<!-- /fits -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    new, count = pattern.subn(lambda _: f"{begin}\n{tables}\n{end}", text)
    if count != 1:
        raise SystemExit(f"{path}: expected one {begin} ... {end}, found {count}")
    return new


def _commit() -> str:
    asked = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(
        asked, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()


if __name__ == "__main__":
    main()
