"""Write tables and pictures of docs/why-lstm.md, and its Chinese version, from docs/results/.

glasscell reproduce NAME --out reproduced
python scripts/why_lstm.py [reproduced]

With a folder, the results are first written anew, from all trials of the long form that it holds.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from PIL import Image

import glasscell
from glasscell.report.views.curves.data import Chart
from glasscell.report.views.curves.plot import curves
from glasscell.reproduce.experiments import EXPERIMENTS, experiment
from glasscell.reproduce.finding_table import NONE, cell
from glasscell.reproduce.laboratory import Row, Trial, kept

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "results" / "reproduce"
PAGES = {"docs/why-lstm.md": 0, "docs/why-lstm.zh-CN.md": 1}
HEADS = (("run", "trials", "verdict"), ("网络", "次数", "结论"))
SHORT = ("The short form.", "简短版。")
CHINESE = {
    "LSTM of 1997": "1997 年的 LSTM",
    "plain RNN of today": "今天的普通 RNN",
    "LSTM of today": "今天的 LSTM",
    "plain RNN": "普通 RNN",
    "outputs hear the input": "输出也接收输入",
    "matched": "相符",
    "better": "更好",
    "short of it": "未达到",
}
DRAWN = (
    "pascanu", "adding", "temporal-order", "continual-reber", "copy", "forget-bias", "length"
)  # fmt: skip
"""Experiments whose curves stand below their tables, each in a file of PICTURES."""
PICTURES = "pictures/reproduce"
WIDE, TALL = 8.0, 2.7
"""Inches of a picture, and of each row of charts in it."""
STYLE = {"font.size": 7, "axes.spines.top": False, "axes.spines.right": False}
BLOCK = re.compile(r"<!-- reproduce:([\w-]+) -->\n.*?<!-- /reproduce -->", re.DOTALL)


def main() -> None:
    """Rewrite results where there are trials, and both pages."""
    for folder in sys.argv[1:]:
        for name in EXPERIMENTS:
            if (trials := Path(folder) / name).is_dir():
                write_results(name, trials)
    for name in DRAWN:
        draw(name)
    for page, language in PAGES.items():
        path = ROOT / page
        write = partial(_written, language=language)
        text = BLOCK.sub(write, path.read_text("utf-8"))
        path.write_text(text, "utf-8")
        print(f"Wrote {page}")


def write_results(name: str, folder: Path) -> None:
    """Write an experiment's file from the trials in a folder, but for the times they took."""
    record = kept(experiment(name), folder).record()
    del record["seconds"]
    for trial in record["trials"]:
        del trial["result"]["seconds"]
    record["glasscell"] = glasscell.__version__
    path = RESULTS / f"{name}.json"
    # A trial a line: its history would be hundreds.
    trials = ",\n  ".join(json.dumps(one, ensure_ascii=False) for one in record["trials"])
    text = json.dumps({**record, "trials": []}, indent=1, ensure_ascii=False)
    whole = text.replace('"trials": []', f'"trials": [\n  {trials}\n ]')
    path.write_text(whole + "\n", "utf-8")
    print(f"Wrote {path.relative_to(ROOT)}: {len(record['trials'])} trials")


def charts(name: str) -> list[Chart]:
    """Give an experiment's curves, of the trials that its file holds."""
    found = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    told = [(Trial(t["row"], t["settings"], t["seed"]), t["result"]) for t in found["trials"]]
    return experiment(name).curves(told)


def draw(name: str) -> None:
    """Draw them, two beside each other."""
    drawn = charts(name)
    columns = min(len(drawn), 2)
    rows = -(-len(drawn) // columns)
    with mpl.rc_context(STYLE):
        figure = Figure((WIDE, TALL * rows), dpi=140, layout="constrained")
        for chart, place in zip(
            drawn, figure.subfigures(rows, columns, squeeze=False).flat, strict=False
        ):
            curves(chart, ax=place.subplots())
            place.suptitle(chart.title[0], x=0.02, ha="left", size=8)
        drawing = io.BytesIO()
        figure.savefig(drawing)
    target = ROOT / "docs" / PICTURES / f"{name}.png"
    target.parent.mkdir(exist_ok=True)
    # As scripts/plots.py: few colours, and octree for the sake of coloured text.
    small = Image.open(drawing).convert("RGB").quantize(256, Image.Quantize.FASTOCTREE)
    small.save(target, optimize=True)
    print(f"Wrote {target.relative_to(ROOT)}: {target.stat().st_size / 1000:.0f} kB")


def _written(found: re.Match[str], language: int) -> str:
    return block(found[1], language)


def block(name: str, language: int) -> str:
    """Give an experiment's table, and below it the sentence."""
    found = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    columns = experiment(name).COLUMNS
    run, trials, verdict = HEADS[language]
    heads = [f"`{name}`: {run}", *(names[language] for _, names in columns), trials, verdict]
    # A bar would end the cell of the table.
    heads = [head.replace("|", "&#124;") for head in heads]
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|--:" * (len(heads) - 1) + "|"]
    lines += [_line(row, [key for key, _ in columns], language) for row in found["rows"]]
    said = [found["sentence"][language], SHORT[language] if found["quick"] else ""]
    below = "\n\n> " + " ".join(filter(None, said)) if any(said) else ""
    if name in DRAWN:
        titles = "; ".join(chart.title[language] for chart in charts(name))
        below += f"\n\n![{titles}]({PICTURES}/{name}.png)"
    return f"<!-- reproduce:{name} -->\n" + "\n".join(lines) + f"{below}\n<!-- /reproduce -->"


def _line(told: Mapping[str, Any], keys: list[str], language: int) -> str:
    row = Row(
        told["name"],
        told["published"],
        told["ours"],
        told["trials"],
        {name: tuple(ends) for name, ends in told["spread"].items()},
    )
    figures = [cell(row, key).replace(" | ", " / ") for key in keys]
    name, verdict = told["name"], told["verdict"] or NONE
    if language:
        for english, chinese in CHINESE.items():
            name, verdict = name.replace(english, chinese), verdict.replace(english, chinese)
    return "| " + " | ".join([name, *figures, str(told["trials"]), verdict]) + " |"


if __name__ == "__main__":
    main()
