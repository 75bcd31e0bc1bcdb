"""The training log as the page gets it, from the lines of log.jsonl or from any other history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

__all__ = ["of_history", "of_log"]

MEASURES: Final = {"training": "[{name, axis: epoch or step, at: [n], validation: [n], train?}]"}


def of_log(
    lines: Iterable[Mapping[str, Any]],
    train: str = "train_mae_scaled",
    validation: str = "validation_mae_scaled",
) -> list[dict[str, Any]]:
    """Give `measures.training` of a run of `glasscell fit`.

    Args:
        lines: Of log.jsonl, one per epoch.
        train: Key of the error in training; default a forecast's.
        validation: Key of the error on validation.
    """
    networks: dict[str, list[Mapping[str, Any]]] = {}
    for line in lines:
        networks.setdefault(f"{line['network']}, seed {line['seed']}", []).append(line)
    parts = {"train": train, "validation": validation}
    return [
        {
            "name": name,
            "axis": "epoch",
            "at": [epoch["epoch"] for epoch in epochs],
            **{part: [epoch[key] for epoch in epochs] for part, key in parts.items()},
        }
        for name, epochs in networks.items()
    ]


def of_history(name: str, history: Sequence[tuple[int, float]]) -> dict[str, Any]:
    """Give one network's entry, from its (training step, validation error) pairs."""
    at, errors = zip(*history, strict=True) if history else ((), ())
    return {"name": name, "axis": "step", "at": list(at), "validation": list(errors)}
