"""The model card of a run, README.md: data, settings, the honest table, the verdict, use, limits.

Its head is YAML as model hubs read it. It says nothing that the other files do not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import yaml

from glasscell.data.wording import number
from glasscell.training import run_folder

__all__ = ["write_card"]

LICENCE = "unknown"
"""That of the data, which nobody but their owner knows; a hub takes `license: unknown`."""

PIPELINES = {
    "forecast": "time-series-forecasting",
    "classify": "tabular-classification",
    "multilabel": "tabular-classification",
    "regress": "tabular-regression",
    "text": "text-generation",
}
USE = {
    "forecast": (
        "import glasscell",
        'forecaster = glasscell.Forecaster.load("RUN")  # NumPy and pandas, no torch',
        'print(forecaster.predict("history.csv"))',
    ),
    "sequences": (
        "from glasscell.tasks.sequences.predict import predict",
        "",
        'print(predict("RUN", "sequences.csv"))  # NumPy and pandas, no torch',
    ),
    "text": (
        "from glasscell.tasks.text.sampling import sample",
        "",
        'print(sample("RUN", prime="Once", length=200))  # NumPy, no torch',
    ),
}
WRITTEN = {
    "mae": "MAE",
    "rmse": "RMSE",
    "mase": "MASE",
    "crps": "CRPS",
    "mae_sd": "± between seeds",
    "bits": "bits",
    "bits_per_character": "bits per character",
    "bits_per_byte": "bits per byte",
    "bits_sd": "± between seeds",
}
"""Columns of the table that have another name than in metrics.json."""


def write_card(folder: run_folder.RunFolder, options: Any) -> None:
    """Write the card of a run whose other files are written.

    Args:
        folder: The run folder in the making.
        options: The options as resolved, a dataclass.
    """
    draft = folder.draft
    settings = json.loads((draft / run_folder.PREPROCESSING).read_text(encoding="utf-8"))
    found = draft / run_folder.METRICS
    metrics = json.loads(found.read_text(encoding="utf-8")) if found.is_file() else {}
    config = json.loads((draft / "config.json").read_text(encoding="utf-8"))
    asked = yaml.safe_load((draft / run_folder.SETTINGS).read_text(encoding="utf-8"))
    data = Path(str(asked["data"])).name or "-"
    folder.write_text(run_folder.CARD, _card(settings, metrics, config, data, options))


def _card(
    settings: Mapping[str, Any],
    metrics: Mapping[str, Any],
    config: Mapping[str, Any],
    data: str,
    options: Any,
) -> str:
    task = str(settings["format"]).removeprefix(run_folder.MARK)
    said = metrics.get("verdict", "")
    verdict = said if isinstance(said, str) else said[0]
    methods = metrics.get("methods", [])
    parts = {
        "Results": [verdict, *_table(methods)]
        if methods
        else ["Not tested: every row was trained or validated on, and nothing was compared."],
        "Data": [f"`{data}`", *_facts(metrics.get("data", {}))],
        "Settings": [
            *_changed(options),
            "All others are the defaults; `run.yaml` has every one"
            + (
                ", and `glasscell fit --config run.yaml` trains these weights again."
                if methods
                else "."
            ),
        ],
        "Use": [
            "```python\n" + "\n".join(USE[task]) + "\n```",
            "or `glasscell predict RUN DATA --out OUT.csv`"
            + (", and to see inside `glasscell inspect RUN`." if methods else "."),
        ],
        "Limits": _limits(task, settings, metrics),
    }
    head = yaml.safe_dump(_head(task, metrics, data), sort_keys=False, allow_unicode=True)
    body = "\n\n".join(
        f"## {title}\n\n" + "\n\n".join(line for line in lines if line)
        for title, lines in parts.items()
    )
    title = f"# {_network(config)}: {_told(task, settings)}"
    return f"---\n{head}---\n\n{title}\n\n{body}\n"


def _head(task: str, metrics: Mapping[str, Any], data: str) -> dict[str, Any]:
    """Give the YAML that a hub reads."""
    pipeline = PIPELINES[metrics.get("goal", task) if task == "sequences" else task]
    head: dict[str, Any] = {
        "library_name": "glasscell",
        "license": LICENCE,
        "pipeline_tag": pipeline,
        "tags": ["glasscell", "lstm", "time-series" if task != "text" else "text"],
    }
    if methods := metrics.get("methods"):
        own = {name: value for name, value in methods[-1].items() if _measured(name, value)}
        results = {
            "task": {"type": pipeline},
            "dataset": {"name": data, "type": "own"},
            "metrics": [
                {"type": name, "name": WRITTEN.get(name, name), "value": value}
                for name, value in own.items()
            ],
        }
        head["model-index"] = [{"name": methods[-1]["name"], "results": [results]}]
    return head


def _network(config: Mapping[str, Any]) -> str:
    """Name the recurrent layer of a model by the first one in its tree."""
    if isinstance(config, Mapping):
        if str(config.get("mode", config.get("type"))).startswith(("LSTM", "GRU", "RNN")):
            return str(config["type"])
        config = list(config.values())  # type: ignore[assignment]
    if isinstance(config, list):
        return next((name for one in config if (name := _network(one))), "")
    return ""


def _told(task: str, settings: Mapping[str, Any]) -> str:
    """Say in a few words what the network tells."""
    if task == "forecast":
        names = settings["columns"]["targets"]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        return f"{settings['horizon']} steps of {', '.join(names[:3])}{more} ahead"
    if task == "text":
        return "the next symbol of a text"
    return {"classify": "classes", "multilabel": "labels", "regress": "numbers"}[
        settings["goal"]
    ] + (" of every step of a sequence" if settings["reading"].get("per_step") else " of sequences")


def _measured(name: str, value: Any) -> bool:
    others = ("name", "seconds", "seeds", "rounds", "parameters", "seeds_at_linear_start")
    return name not in others and isinstance(value, int | float) and not isinstance(value, bool)


def _table(methods: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lay out all methods, the strongest baselines and those that are better among them."""
    columns = list(
        dict.fromkeys(n for method in methods for n, value in method.items() if _measured(n, value))
    )
    columns.append("parameters")
    rows = [["method", *(WRITTEN.get(name, name) for name in columns)]]
    rows.append(["---", *("---:" for _ in columns)])
    for method in methods:
        cells = [method.get(name) for name in columns]
        rows.append([method["name"], *(_cell(cell) for cell in cells)])
    return ["\n".join(f"| {' | '.join(row)} |" for row in rows)]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else number(value)


def _facts(data: Mapping[str, Any]) -> list[str]:
    """List what was understood of the data, as far as it is one number or word."""
    plain = {
        name.replace("_", " "): value
        for name, value in data.items()
        if isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""
    }
    if isinstance(time := data.get("time"), Mapping):
        plain["time"] = f"{time.get('first')} … {time.get('last')}"
    plain.pop("source", None)
    return ["\n".join(f"- {name}: {value}" for name, value in plain.items())]


def _changed(options: Any) -> list[str]:
    """List the options that are not the defaults."""
    lines = []
    for one in fields(options):
        default = one.default if one.default is not MISSING else None
        if one.default is MISSING and one.default_factory is not MISSING:
            default = one.default_factory()
        value = getattr(options, one.name)
        if value != default and value not in ([], ""):
            lines.append(f"- {one.name}: {value}")
    return ["\n".join(lines)]


def _limits(task: str, settings: Mapping[str, Any], metrics: Mapping[str, Any]) -> list[str]:
    """Say what the network was not tested for."""
    lines = {
        "forecast": [
            f"It reads {settings.get('lookback')} rows of frequency {settings.get('frequency')} "
            "and refuses another frequency.",
            "It was tested on the last part of these series alone. Series that it has not seen are "
            "scaled on their own history.",
        ],
        "sequences": ["It was tested on sequences of these data alone, and knows no other label."],
        "text": ["It knows the symbols of its training text alone, and makes up what it writes."],
    }[task]
    if metrics.get("interrupted"):
        lines.append("Its training was stopped early.")
    lines += metrics.get("notes", [])
    lines.append(
        "`license` above is that of the data, which only their owner can tell: put it in before "
        "the model is shared."
    )
    return ["\n".join(f"- {line}" for line in lines)]
