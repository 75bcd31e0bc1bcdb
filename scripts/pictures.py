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
from matplotlib.figure import Figure

import glasscell
from glasscell.demo.glucose import load_glucose
from glasscell.demo.glucose_page import EVENT, LAYER
from glasscell.demo.meals import RisesInTest
from glasscell.inspect.gradients.flow import LayerFlow
from glasscell.report import plots
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.plan import make_plan

DPI = 200
WIDTH = 9.0


def gates(demo: Path, target: Path) -> None:
    """Draw the gates over the window that the demo's report opens with, under its readings."""
    settings = yaml.safe_load((demo / "glucose" / "run.yaml").read_text(encoding="utf-8"))
    options = {k: v for k, v in settings.items() if k not in ("task", "data")}
    plan = make_plan(load_glucose(), ForecastOptions(**options))
    rises = RisesInTest.of(plan)
    shown = rises.richest()
    model = glasscell.load(demo / "glucose")
    run = model.run(plan.test.inputs(np.array([shown])), trace=True)
    assert run.trace is not None
    figure = Figure((WIDTH, 8.0), layout="constrained")
    top, *walls = figure.subplots(7, sharex=True)
    top.plot(rises.readings[shown], color="black", lw=1.2)
    top.set_title("blood glucose, mg/dL", loc="left", fontsize="small")
    plots.gate_wall(run.trace[LAYER].sequence(0), ax=walls)
    for step in np.flatnonzero(rises.rises[shown]):
        top.text(step - 0.4, 0.95, EVENT, transform=top.get_xaxis_transform(), ha="right", va="top")
        for ax in (top, *walls):
            ax.axvline(step, color="black", lw=0.9, ls=(0, (3, 2)))
    figure.savefig(target, dpi=DPI)


def river(demo: Path, target: Path) -> None:
    """Draw the gradients of the untrained networks, side by side on one scale."""
    record = json.loads((demo / "demo.json").read_text(encoding="utf-8"))
    figure = Figure((WIDTH, 3.2), layout="constrained")
    for ax, line in zip(
        figure.subplots(1, 2, sharey=True), record["adding"]["river"], strict=False
    ):
        parts = {
            part: None if line[part] is None else np.array(line[part])
            for part in ("hidden", "cell", "cell_path")
        }
        flow = LayerFlow(**parts, mode="LSTM" if parts["cell"] is not None else "RNN_TANH")
        plots.gradient_river(flow, ax=ax)
        ax.set_title(f"{line['name']}: {flow.judge().kind}", loc="right", fontsize="medium")
    figure.savefig(target, dpi=DPI)


def main() -> None:
    """Make both pictures."""
    demo, folder = (Path(argument) for argument in sys.argv[1:3])
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in (("gates.png", gates), ("river.png", river)):
        draw(demo, folder / name)
        print(folder / name)


if __name__ == "__main__":
    main()
