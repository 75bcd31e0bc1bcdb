"""Measures what bfloat16 and int8 weights cost a trained model: its error and its file.

    python benchmarks/compressed.py     some minutes; writes docs/results/compressed.json
    python benchmarks/compressed.py --table       only makes the table of docs/numerics.md from it

Each model is trained here, saved in float32, written again by `glasscell.compress`, and scored on
data it has never seen: a blood glucose forecast (needs bokeh_sampledata), and two LSTMs on the
adding problem, of which the larger has the size from which compressed weights pay. "Largest
difference" is to the float32 model's outputs, over all outputs.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import glasscell
from glasscell.arrays import Array
from glasscell.bench import machine
from glasscell.cells.compact import COMPRESSED, STORAGES
from glasscell.demo import glucose
from glasscell.model.model import Model
from glasscell.reproduce import duel
from glasscell.reproduce.adder import draw
from glasscell.tasks.forecast.fitting import fit
from glasscell.training.workers import one_thread

ROOT = Path(__file__).parent.parent
OUT, DOCS = ROOT / "docs" / "results" / "compressed.json", ROOT / "docs" / "numerics.md"

Score = Callable[[Model], tuple[float, Array]]  # the metric, and every output


def glucose_forecast() -> tuple[str, Any, Score]:
    """Train the forecaster of `glasscell demo`."""
    with one_thread():
        result = fit.fit(glucose.load_glucose(), None, glucose.OPTIONS)
    windows, board = result.plan.test, result.board

    def score(model: Model) -> tuple[float, Array]:
        forecast = board.restore(model.run(windows.inputs()).output)
        return board.score("LSTM", [forecast]).mae, forecast

    return "mean absolute error, mg/dL", result.best.network, score


def adding(options: duel.DuelOptions) -> tuple[str, Any, Score]:
    """Train an LSTM on the adding problem."""
    network = duel.train("LSTM", options.rates[0], options, lambda *_: None).network
    x, y = (a.numpy() for a in draw(options.length, 2000, np.random.default_rng(77)))

    def score(model: Model) -> tuple[float, Array]:
        answers = model.run(x).output[-1, :, 0]
        return float(np.square(answers.astype(np.float64) - y).mean()), answers

    return "mean squared error", network, score


CASES: dict[str, Callable[[], tuple[str, Any, Score]]] = {
    "glucose, an hour ahead": glucose_forecast,
    "adding problem, T = 100": lambda: adding(duel.DuelOptions()),
    "adding problem, T = 50": lambda: adding(
        duel.DuelOptions(length=50, hidden_size=512, rates=(0.002,), steps=1200, batch_size=32)
    ),
}


def measure(name: str, folder: Path) -> dict[str, Any]:
    """Train one model, store it three ways, and score each."""
    metric, network, score = CASES[name]()
    full = glasscell.save(network, folder / "float32")
    _, reference = score(glasscell.load(full))
    rows = []
    for kept in STORAGES:
        path = glasscell.compress(full, folder / kept, kept) if kept in COMPRESSED else full
        error, outputs = score(glasscell.load(path))
        rows.append(
            {
                "weights": kept,
                "file_bytes": (path / "model.safetensors").stat().st_size,
                "error": error,
                "largest_difference": float(np.abs(outputs - reference).max()),
            }
        )
        print(f"{name}: {rows[-1]}", flush=True)
    model = glasscell.load(full)
    return {
        "name": name,
        "hidden_size": model.recurrent[0].config.hidden_size,
        "parameters": model.parameters,
        "metric": metric,
        "standard_deviation_of_outputs": float(reference.std()),
        "rows": rows,
    }


def table(record: dict[str, Any]) -> str:
    """Give a line for each model and storage."""
    lines = ["| model | H | weights | file | error | largest difference, in standard deviations |"]
    lines.append("|---|--:|---|--:|--:|--:|")
    for model in record["models"]:
        for row in model["rows"]:
            first = row["weights"] == "float32"
            name = f"{model['name']}: {model['metric']}" if first else ""
            cells = [name, f"{model['hidden_size']}" if first else "", row["weights"]]
            cells += [f"{row['file_bytes'] / 1e3:,.0f} KB", f"{row['error']:.4g}"]
            share = row["largest_difference"] / model["standard_deviation_of_outputs"]
            cells.append("–" if first else f"{share:.2g}")
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def write_table() -> None:
    """Rewrite the table in docs/numerics.md."""
    begin, end = "<!-- compressed -->\n", "<!-- /compressed -->"
    before, rest = DOCS.read_text(encoding="utf-8").split(begin)
    after = rest.split(end)[1]
    text = table(json.loads(OUT.read_text(encoding="utf-8")))
    DOCS.write_text(f"{before}{begin}{text}\n{end}{after}", encoding="utf-8")


def main() -> None:
    """Measure every model, write the result and the table."""
    if sys.argv[1:] != ["--table"]:
        models = []
        for place, name in enumerate(CASES):
            with tempfile.TemporaryDirectory() as folder:
                models.append(measure(name, Path(folder) / str(place)))
        record = {"format": "glasscell-compressed", "version": 1, "models": models}
        record["environment"] = machine.describe()
        OUT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    write_table()


if __name__ == "__main__":
    main()
