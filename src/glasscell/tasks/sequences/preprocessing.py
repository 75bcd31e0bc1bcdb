"""How a run prepared its sequences, in preprocessing.json: what a prediction has to repeat."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glasscell.data.sequences.reading_options import Known
from glasscell.tasks.scaling import Scaler
from glasscell.training import run_folder

if TYPE_CHECKING:
    from glasscell.tasks.sequences.plan import Plan
    from glasscell.tasks.sequences.splits import Round

NEEDED = ("goal", "features", "scaler", "per_step", "missing", "reading")
"""What a prediction cannot do without."""


def preprocessing(plan: Plan, part: Round) -> dict[str, Any]:
    """Give what preprocessing.json holds.

    Args:
        plan: Sequences and options.
        part: The round of the saved network.
    """
    labels, options = plan.labels, plan.options
    lengths = plan.unaveraged.sequences.lengths[part.train]
    target = plan.target_scaler(part)
    return {
        **run_folder.task_format("sequences"),
        "goal": plan.goal,
        "features": list(plan.sequences.features),
        "targets" if plan.goal == "regress" else "classes": list(labels.names),
        "per_step": labels.per_step,
        "scaler": _record(plan.scaler(part)),
        "target_scaler": None if target is None else _record(target),
        "missing": options.missing,
        "marks": options.marks,
        "stride": options.stride,
        "reading": Known.of(plan.sequences).record(),
        "lengths": {
            "least": int(lengths.min()),
            "median": float(np.median(lengths)),
            "most": int(lengths.max()),
        },
    }


def read_preprocessing(run: Path) -> dict[str, Any]:
    """Read preprocessing.json of a run.

    Raises:
        DataError: The folder or the file is missing, damaged, of another task or a newer version.
    """
    return run_folder.read_preprocessing(run, "sequences", NEEDED)


def scaler_of(settings: dict[str, Any]) -> Scaler:
    """Give the scaler of the features."""
    return Scaler(np.array(settings["scaler"]["mean"]), np.array(settings["scaler"]["scale"]))


def _record(scaler: Scaler) -> dict[str, list[float]]:
    return {"mean": scaler.mean.tolist(), "scale": scaler.scale.tolist()}
