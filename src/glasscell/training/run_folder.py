"""The run folder: prepared beside its place, moved there whole, never written over unasked.

::

    RUN/  config.json, model.safetensors    the model; glasscell.load(RUN) needs nothing else
          preprocessing.json                columns, how the file is written, gaps, scalers
          run.yaml                          every option as resolved, for glasscell fit --config
          metrics.json                      the printed table, and what was understood of the data
          log.jsonl                         one line per epoch
          plain-rnn/                        the plain RNN that it was compared with
          report.html                       the page
          README.md                         the model card, which hubs read
          windows.npz                       test windows, for glasscell inspect
          calibration.npz                   errors of the saved network, for intervals of forecasts
          forecasts.npz                     a stretch of the test part, forecast and truth
          sequences.npz, text.npz           instead of both, in runs on labelled sequences and text
          film.npz                          only with --film: glasscell.inspect.Reel.load reads it
          checkpoint.pt                     only after Ctrl-C: what --resume goes on from
"""

from __future__ import annotations

import json
import os
import shutil
import weakref
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from glasscell import files
from glasscell.errors import DataError

CHECKPOINT, LOCK = "checkpoint.pt", ".lock"
FILM, RIVAL, WINDOWS = "film.npz", "plain-rnn", "windows.npz"
CALIBRATION = "calibration.npz"
FORECASTS, SEQUENCES, TEXT = "forecasts.npz", "sequences.npz", "text.npz"
METRICS, PREPROCESSING, LOG, SETTINGS, REPORT, CARD = (
    "metrics.json",
    "preprocessing.json",
    "log.jsonl",
    "run.yaml",
    "report.html",
    "README.md",
)

VERSION = 1
MARK = "glasscell-"
"""What the format of a run's preprocessing.json begins with, before the task."""

OF_FORECAST = (
    *("columns", "frequency", "gaps", "max_gap", "lookback", "horizon", "level", "scalers"),
)
"""What preprocessing.json of a forecasting run cannot do without."""


class RunFolder:
    """A run folder in the making; use as a context manager and `commit` at the end.

    Args:
        out: Where the finished run goes.
        force: Replace a run that is there.
        resume: Go on with a run that was stopped or killed.

    Raises:
        DataError: Something is at `out` already, a stopped run is in the way, or there is nothing
            to go on from.

    Notes:
        Files are written to ``.NAME.partial`` beside `out` and moved in one rename. After an error,
        an interrupt or a kill ``.NAME.partial`` stays with its last checkpoint; without one nothing
        stays that would be an obstacle. Two processes do not write one run.
    """

    def __init__(
        self, out: str | os.PathLike[str], force: bool = False, resume: bool = False
    ) -> None:
        self.out = _place(out)
        self.draft = self.out.parent / f".{self.out.name}.partial"
        self.resume = resume
        self._committed = False
        stopped = [p / CHECKPOINT for p in (self.draft, self.out) if (p / CHECKPOINT).is_file()]
        self.saved = stopped[0] if resume and stopped else None
        self._replaces = force or self.saved is not None
        # A run killed before its first checkpoint left nothing to go on from: it starts afresh.
        if resume and not stopped and not self.draft.exists():
            raise DataError(self._nothing_to_resume())
        if self.saved is None:
            self._require_free(force)
        elif os.path.lexists(self.out) and not files.is_ours(self.out, PREPROCESSING):
            raise DataError(
                f"{self.out} exists and is no run folder of glasscell; move it away and go on with "
                "--resume"
            )

    def __enter__(self) -> RunFolder:
        try:
            self.draft.mkdir(parents=True, exist_ok=True)
            self._lock()
            if self.saved is None or self.saved.parent != self.draft:
                self._empty()
        except OSError as error:
            raise DataError(
                f"--out {self.out}: cannot write there ({error.strerror or error}); choose another"
            ) from error
        return self

    def __exit__(self, *error: object) -> None:
        kept = (self.draft / CHECKPOINT).is_file()
        if not self._committed and not kept and self.draft.exists():
            shutil.rmtree(self.draft)
        self._unlock()

    def _lock(self) -> None:
        """Hold a lock on the draft, which ends with this process, however it ends."""
        lock = files.lock(self.draft / LOCK)
        if lock is None:
            raise DataError(
                f"another glasscell fit is writing {self.out} at this moment; wait for it, or "
                "choose another --out"
            )
        self._unlock = weakref.finalize(self, os.close, lock)

    def _empty(self) -> None:
        for path in self.draft.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != LOCK:
                path.unlink()

    def _nothing_to_resume(self) -> str:
        if (self.out / PREPROCESSING).is_file():
            return (
                f"--resume: the run at {self.out} is finished, or was stopped before an epoch was "
                "done: there is nothing to go on with; fit again with --force, or choose another "
                "--out"
            )
        return (
            f"--resume: expected a stopped run at {self.out}, found none; start it without --resume"
        )

    def _require_free(self, force: bool) -> None:
        stopped = (self.out / CHECKPOINT).is_file()
        hint = "go on with it with --resume, " if stopped else ""
        files.require_free_folder(
            self.out, force, PREPROCESSING, "is no run folder of glasscell", hint
        )
        if (self.draft / CHECKPOINT).is_file() and not force:
            raise DataError(
                f"{self.draft} holds a run that was killed or is still going on; continue it with "
                "--resume, or drop it with --force"
            )

    def write_text(self, name: str, text: str) -> None:
        """Write one text file into the draft, whole."""
        self.write_bytes(name, text.encode())

    def write_bytes(self, name: str, data: bytes) -> None:
        """Write one file into the draft by a rename: a kill leaves the old or the new one."""
        draft = self.draft / f".{name}.new"
        draft.write_bytes(data)
        draft.replace(self.draft / name)

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a JSON file; a number that is not finite is an error."""
        self.write_text(
            name, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        )

    def write_log(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Write log.jsonl."""
        self.write_text(LOG, "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines))

    def write_settings(self, settings: Mapping[str, Any]) -> None:
        """Write run.yaml."""
        import yaml  # here, so that a finished run is read where there is NumPy alone

        self.write_text(
            SETTINGS, yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True)
        )

    def commit(self, keep_checkpoint: bool = False) -> Path:
        """Move the finished draft to its place.

        Args:
            keep_checkpoint: Leave the training state in it, for a run that was stopped.

        Returns:
            The run folder.
        """
        if keep_checkpoint and self.saved is not None and not (self.draft / CHECKPOINT).exists():
            shutil.copy2(self.saved, self.draft / CHECKPOINT)
        if os.path.lexists(self.out) and not (
            self._replaces and files.is_ours(self.out, PREPROCESSING)
        ):
            raise DataError(
                f"{self.out} was made while this run was trained, and is not replaced; move it "
                "away and go on with --resume"
            )
        files.move_folder(self.draft, self.out)
        self._committed = True
        # Only now: a kill before leaves a draft to go on from, a kill after a run that is whole.
        for name in (LOCK, *(() if keep_checkpoint else (CHECKPOINT,))):
            (self.out / name).unlink(missing_ok=True)
        files.delete_replaced(self.out)
        return self.out


def task_format(task: str) -> dict[str, Any]:
    """Give the head of a run's preprocessing.json: whose it is, and of which version."""
    return {"format": f"{MARK}{task}", "version": VERSION}


def task_of(run: Path) -> str:
    """Tell the task of a run by its preprocessing.json: forecast, sequences or text.

    Raises:
        DataError: There is no run, or it is damaged.
    """
    path = run / PREPROCESSING
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            f"{run}: expected a run folder written by glasscell fit, found no {path.name}"
        ) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is damaged: {error}; fit again") from error
    name = str(held.get("format")) if isinstance(held, dict) else ""
    if not name.startswith(MARK):
        raise DataError(f"{path}: expected format {MARK}TASK, got {name!r}; fit again")
    return name.removeprefix(MARK)


def read_preprocessing(run: Path, task: str, needed: Sequence[str]) -> dict[str, Any]:
    """Read preprocessing.json of a run.

    Args:
        run: The run folder.
        task: Whose run it must be.
        needed: What the file must have.

    Raises:
        DataError: The folder or the file is missing, damaged, or of a newer version.
    """
    path = run / PREPROCESSING
    if not path.is_file():
        raise DataError(
            f"{run}: expected a run folder written by glasscell fit, found no {path.name}"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is damaged: {error}; fit again") from error
    head = task_format(task)
    if not isinstance(content, dict) or content.get("format") != head["format"]:
        raise DataError(
            f"{path}: expected format {head['format']!r}; is this the run of another task?"
        )
    if content.get("version") != VERSION:
        raise DataError(
            f"{path}: expected version {VERSION}, got {content.get('version')}; update glasscell"
        )
    if missing := [name for name in needed if name not in content]:
        raise DataError(f"{path} is damaged: it has no {', '.join(missing)}; fit again")
    return content


def _place(out: str | os.PathLike[str]) -> Path:
    """Take a path as the place of a run.

    Raises:
        DataError: It is no path, or has no name of its own.
    """
    if not isinstance(out, str | os.PathLike) or not isinstance(os.fspath(out), str):
        raise DataError(f"--out: expected the path of a folder, got {out!r}")
    place = Path(out)
    if not place.name or place.name == "..":
        raise DataError(f"--out: expected the name of a new folder, got {str(out)!r}")
    try:
        place.with_name(f".{place.name}.partial").lstat()
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise DataError(f"--out {str(out)!r}: cannot write there ({why})") from error
    return place
