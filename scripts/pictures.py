"""Makes the README's pictures from a folder that `glasscell demo` wrote.

    python scripts/pictures.py demo-report docs/pictures

gates.png: the gates of the glucose LSTM over six hours of the test part, run without torch from the
saved model. river.png: the gradients of the duel, as demo.json holds them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import yaml

import glasscell
from glasscell.demo.glucose import load_glucose
from glasscell.demo.glucose_page import gate_window
from glasscell.demo.meals import RisesInTest
from glasscell.report.figures import gate_wall, gradient_river
from glasscell.report.run_data import River, RiverLine
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.page import LAYER
from glasscell.tasks.forecast.plan import make_plan

DPI = 200


def gates(demo: Path, target: Path) -> None:
    """Draw the gates over the window that the demo's report shows."""
    settings = yaml.safe_load((demo / "glucose" / "run.yaml").read_text(encoding="utf-8"))
    options = {k: v for k, v in settings.items() if k not in ("task", "data")}
    plan = make_plan(load_glucose(), ForecastOptions(**options))
    rises = RisesInTest.of(plan)
    shown = rises.richest()
    model = glasscell.load(demo / "glucose")
    run = model.run(plan.test.inputs(np.array([shown])), trace=True)
    assert run.trace is not None
    window = gate_window(plan, rises, shown, run.trace[LAYER].sequence(0))
    figure = gate_wall(window)
    top = figure.axes[0]
    for step, label in window.events:
        top.text(step, 1.05, label, transform=top.get_xaxis_transform(), ha="center", fontsize=8)
    figure.savefig(target, dpi=DPI)


def river(demo: Path, target: Path) -> None:
    """Draw the gradients of the untrained networks, side by side."""
    record = json.loads((demo / "demo.json").read_text(encoding="utf-8"))
    lines = [
        RiverLine(
            name=line["name"],
            hidden=np.array(line["hidden"]),
            cell=None if line["cell"] is None else np.array(line["cell"]),
            cell_path=None if line["cell_path"] is None else np.array(line["cell_path"]),
        )
        for line in record["adding"]["river"][:2]
    ]
    gradient_river(River(lines=lines)).savefig(target, dpi=DPI)


def main() -> None:
    """Make both pictures."""
    demo, folder = (Path(argument) for argument in sys.argv[1:3])
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in (("gates.png", gates), ("river.png", river)):
        draw(demo, folder / name)
        print(folder / name)


if __name__ == "__main__":
    main()
