"""How a run reads text, in preprocessing.json: what sampling and scoring have to repeat."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from glasscell.data.text.vocabulary import Vocabulary
from glasscell.errors import DataError
from glasscell.training import run_folder

if TYPE_CHECKING:
    from glasscell.tasks.text.plan import Plan

TASK = "text"
NEEDED = ("unit", "encoding", "separator", "vocabulary")
"""What a run cannot do without."""


def preprocessing(plan: Plan) -> dict[str, Any]:
    """Give what preprocessing.json holds."""
    return {**run_folder.task_format(TASK), **plan.vocabulary.record()}


def read_vocabulary(run: Path) -> Vocabulary:
    """Read what a run knows.

    Raises:
        DataError: The folder or the file is missing, damaged, of another task or a newer version.
    """
    record = run_folder.read_preprocessing(run, TASK, NEEDED)
    try:
        return Vocabulary.read(record)
    except DataError as error:
        raise DataError(f"{run / run_folder.PREPROCESSING}: {error}") from error
