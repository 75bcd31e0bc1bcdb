"""Measures the pages of `glasscell inspect` and `glasscell explain`: seconds, bytes, time to use.

    python benchmarks/inspect_page.py             a minute; writes results/inspect_page.json
    python benchmarks/inspect_page.py --table     only makes the tables of docs/inspect*.md from it

Takes Playwright for Python and Chromium. Untrained networks on white noise: nothing here depends on
what the values are. "Usable" is the time from the start of navigation until the page has answered a
first key; "run again" is the browser's own run of the whole network. Median of five pages opened.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from playwright.sync_api import sync_playwright

import glasscell
from glasscell.bench import machine
from glasscell.report import lesson
from glasscell.report.page import collect, write

ROOT = Path(__file__).parent.parent
OUT = Path(__file__).parent / "results" / "inspect_page.json"
DOCS = (ROOT / "docs" / "inspect.md", ROOT / "docs" / "inspect.zh-CN.md")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OPENED = 5
PATIENCE = 5.0
"""Seconds; a page without its weights never runs them again."""
HEADS = (
    "| page | measured in | size | usable after | runs the network again in | "
    "largest difference to Python |",
    "| 页面 | 测量用时 | 大小 | 多久可用 | 重新运行网络 | 与 Python 的最大差 |",
)
LESSON = "glasscell explain"


@dataclass(frozen=True)
class Case:
    """One network and its data."""

    layers: int
    hidden: int
    steps: int
    series: int = 1
    bidirectional: bool = False
    inputs: int = 8

    def __str__(self) -> str:
        both = ", bidirectional" if self.bidirectional else ""
        return f"L = {self.layers}, H = {self.hidden}, T = {self.steps}, {self.series} series{both}"


CASES = (
    Case(1, 32, 72, 4),
    Case(3, 128, 200),
    Case(3, 128, 200, 4),
    Case(2, 128, 200, 1, bidirectional=True),
    Case(1, 512, 1000),
    Case(1, 512, 5000),
)


def pages(folder: Path) -> Iterator[tuple[str, float, Path]]:
    """Write each page; gives its name, the seconds that it took, and the file."""
    for place, case in enumerate(CASES):
        torch.manual_seed(place)
        network = torch.nn.LSTM(
            case.inputs, case.hidden, case.layers, batch_first=True,
            bidirectional=case.bidirectional,
        )  # fmt: skip
        saved = glasscell.save(network, folder / str(place))
        x = np.random.default_rng(place).normal(size=(case.series, case.steps, case.inputs))
        began = time.perf_counter()
        page = write(collect(saved, x.astype(np.float32)), folder / f"{place}.html")
        yield str(case), time.perf_counter() - began, page
    began = time.perf_counter()
    page = lesson.write(lesson.lesson(), folder / "lesson.html")
    yield LESSON, time.perf_counter() - began, page


def seconds_to_answer(tab: Any) -> float:
    """Press a key, and give the milliseconds since the page was asked for when it has answered."""
    before = tab.evaluate("GC.state.t")
    tab.keyboard.press("ArrowLeft" if before else "ArrowRight")
    return tab.evaluate(
        f"new Promise((done) => {{ const look = () => (GC.state.t === {before}"
        " ? setTimeout(look, 1) : requestAnimationFrame(() => done(performance.now()))); look(); })"
    )


def run_again(tab: Any) -> tuple[float, float] | None:
    """Go to "What if": the seconds of its own run, and its difference to Python's numbers."""
    began = time.perf_counter()
    tab.evaluate("document.getElementById('whatif').scrollIntoView({ behavior: 'instant' })")
    held = "document.querySelector('#whatif [data-difference]')?.dataset.difference"
    while time.perf_counter() - began < PATIENCE:
        if found := tab.evaluate(held):
            return time.perf_counter() - began, float(found)
        time.sleep(0.005)
    return None


def measure(chrome: Any, name: str, seconds: float, page: Path) -> dict[str, Any]:
    """Open a page several times."""
    usable, again = [], []
    for _ in range(OPENED):
        tab = chrome.new_page(viewport={"width": 1200, "height": 900})
        tab.goto(page.as_uri())
        usable.append(seconds_to_answer(tab))
        again.append(None if name == LESSON else run_again(tab))
        tab.close()
    ran = [one for one in again if one]
    return {
        "page": name,
        "seconds": round(seconds, 2),
        "bytes": page.stat().st_size,
        "usable_ms": round(statistics.median(usable)),
        "again_ms": round(1e3 * statistics.median(one[0] for one in ran)) if ran else None,
        "difference": max(one[1] for one in ran) if ran else None,
    }


def row(page: dict[str, Any]) -> str:
    """Give a line of the table."""
    again, difference = page["again_ms"], page["difference"]
    cells = [
        f"`{LESSON}`" if page["page"] == LESSON else page["page"],
        f"{page['seconds']:.1f} s",
        f"{page['bytes'] / 1e6:.2f} MB",
        f"{page['usable_ms'] / 1e3:.2f} s",
        "–" if again is None else f"{again / 1e3:.2f} s",
        "–" if difference is None else f"{difference:.1g}",
    ]
    return f"| {' | '.join(cells)} |"


def write_tables() -> None:
    """Rewrite the tables in docs/."""
    rows = [row(found) for found in json.loads(OUT.read_text(encoding="utf-8"))["pages"]]
    begin, end = "<!-- pages -->\n", "<!-- /pages -->"
    for file, head in zip(DOCS, HEADS, strict=True):
        before, rest = file.read_text(encoding="utf-8").split(begin)
        after = rest.split(end)[1]
        text = "\n".join((head, "|---|--:|--:|--:|--:|--:|", *rows))
        file.write_text(f"{before}{begin}{text}\n{end}{after}", encoding="utf-8")


def main() -> None:
    """Measure every page, write the result and the tables."""
    if sys.argv[1:] != ["--table"]:
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
            chrome = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            measured = []
            for name, seconds, page in pages(Path(folder)):
                measured.append(measure(chrome, name, seconds, page))
                print(measured[-1], flush=True)
            chrome.close()
        record = {"format": "glasscell-pages", "version": 1, "pages": measured}
        record["environment"] = machine.describe()
        OUT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    write_tables()


if __name__ == "__main__":
    main()
