"""Score rows as they come, step by step, with a finished run: a row in, its scores out.

Rows come on standard input: CSV with a header, JSON lines, or bare numbers in the order of the
run's features; of a run on series its values, which are forecast and judged; of a run on text its
lines, which cost bits of surprise. Each gets a line on standard output at once. Needs NumPy alone.
"""

from __future__ import annotations

import argparse
import csv
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from glasscell.cli.row_lines import Row, RowLines, TextLines
from glasscell.errors import DataError
from glasscell.files import locked

SAVE_EVERY = 1000
OF_SERIES = ("time", "steps", "level")
"""Options for runs on series alone."""
STATE = "File of the states of all sequences: read at the start if it is there, and written."
DIGITS = ".9g"
"""What a number is written with: enough to give back any float32."""


class StopAtOnceError(Exception):
    """A signal came while the next line was waited for."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `glasscell stream`."""
    add = parser.add_argument
    add("run", help="Run folder that glasscell fit wrote.")
    add("--id", metavar="COLUMN", help="Column that names the sequence of a row: many at a time.")
    of_time = "Column of the time, for a run on series. Default: as in the run, where rows have it."
    add("--time", metavar="COLUMN", help=of_time)
    add("--steps", metavar="N", type=int, help="Steps of the forecast to write. Default: 1.")
    levels = "Percent of the intervals, with commas, for a run on series. Default: as in the run."
    add("--level", metavar="LEVELS", help=levels)
    add("--reset", metavar="COLUMN", help="Column of 0 and 1: a 1 begins a new sequence.")
    add("--keep", metavar="COLUMNS", help="Columns to write beside the scores, with commas.")
    add("--form", choices=("csv", "json", "numbers"), help="How rows are written. Default: found.")
    missing = "What stands for a missing value. Default: as in the run."
    add("--missing", choices=("raise", "previous", "zero"), help=missing)
    add("--state", metavar="FILE", help=STATE)
    every = f"Rows between two writings of --state. Default: {SAVE_EVERY}."
    add("--save-every", metavar="N", type=int, default=SAVE_EVERY, help=every)
    seen = "Pass over the rows that --state has seen: the input begins where it began then."
    add("--skip-seen", action="store_true", help=seen)
    bad = "At a row that cannot be used: stop, or say so and go on. Default: stop."
    add("--on-error", choices=("stop", "skip"), default="stop", help=bad)
    add("--json", action="store_true", help="Write a JSON object a line, not CSV.")
    add("--quiet", action="store_true", help="Print nothing but errors and the scores.")


def run(args: Any) -> int:
    """Run `glasscell stream`; gives 130 after Ctrl-C and 143 after SIGTERM."""
    if args.save_every < 1:
        raise DataError(f"--save-every: expected 1 or more, got {args.save_every}")
    if args.skip_seen and args.state is None:
        raise DataError("--skip-seen: expected --state FILE as well, which knows what was seen")
    from glasscell.training.run_folder import task_of

    task = task_of(Path(args.run))
    if task == "forecast":
        _name_series(args)
    elif strange := [name for name in OF_SERIES if getattr(args, name) is not None]:
        raise DataError(f"--{strange[0]} is no option for a run of {task}, as {args.run} is")
    keep = [name.strip() for name in (args.keep or "").split(",") if name.strip()]
    named = [] if args.id is None else [args.id]
    live: Any
    lines: RowLines | TextLines
    if task == "text":
        live, lines = _of_text(args)
    elif task == "sequences":
        live, lines = _of_sequences(args, keep)
    else:
        live, lines = _of_series(args, keep)
    writer = Writer(("row", *named, *keep, *live.columns), args.json)
    return Loop(live, lines, writer, args).run()


def _of_sequences(args: Any, keep: Sequence[str]) -> tuple[Any, RowLines]:
    from glasscell.tasks.sequences.live import Live

    live = Live(args.run, args.missing)
    return live, RowLines(live.features, args.id, args.reset, keep, live.marks, args.form)


def _of_text(args: Any) -> tuple[Any, TextLines]:
    from glasscell.tasks.text.live import Live

    for name in ("id", "reset", "keep", "form", "missing"):
        if getattr(args, name) is not None:
            raise DataError(f"--{name} is no option for a run of text, whose lines are the text")
    return Live(args.run), TextLines()


def _name_series(args: Any) -> None:
    """Take the column that names the series from the run, if it has several and none is given."""
    from glasscell.training.run_folder import read_preprocessing

    settings = read_preprocessing(Path(args.run), "forecast", ("columns", "scalers"))
    if args.id is None and len(settings["scalers"]) > 1:
        args.id = settings["columns"]["series"]
        if args.id is None:
            raise DataError(
                "--id: expected the column that names the series of a row, as the run has "
                f"{len(settings['scalers']):,}; rows are an id, a time and y"
            )


def _of_series(args: Any, keep: Sequence[str]) -> tuple[Any, RowLines]:
    from glasscell.tasks.forecast.live import Live

    if args.missing is not None:
        raise DataError("--missing is no option for a run on series, whose gap policy holds")
    level = None
    if args.level is not None:
        try:
            cells = args.level.strip("[] ").split(",")
            level = [float(cell) for cell in cells if cell.strip()]
        except ValueError as error:
            raise DataError(f"--level: expected percent such as 80,90, got {args.level}") from error
    live = Live(args.run, args.steps or 1, level)
    for note in () if args.quiet else live.notes:
        print(note, file=sys.stderr)
    marks = live.settings.get("reading", {}).get("missing") or ()
    time = args.time or live.settings["columns"]["time"]
    needed = args.time is not None
    return live, RowLines(live.features, args.id, args.reset, keep, marks, args.form, time, needed)


class Writer:
    """Writes a line for each row at once, as CSV after a header, or as JSON.

    Args:
        columns: Names of the cells.
        as_json: Which of both.
    """

    def __init__(self, columns: Sequence[str], as_json: bool) -> None:
        self.columns = columns
        self._csv = None if as_json else csv.writer(sys.stdout, lineterminator="\n")
        if self._csv is not None:
            self._csv.writerow(columns)
            sys.stdout.flush()

    def write(self, cells: Sequence[Any]) -> None:
        """Write the cells of one row; None where there is nothing."""
        if self._csv is None:
            held = {
                name: float(format(cell, DIGITS)) if isinstance(cell, float) else cell
                for name, cell in zip(self.columns, cells, strict=True)
            }
            sys.stdout.write(json.dumps(held, ensure_ascii=False) + "\n")
        else:
            self._csv.writerow(
                [format(cell, DIGITS) if isinstance(cell, float) else cell for cell in cells]
            )
        sys.stdout.flush()


class Loop:
    """Reads rows, scores them, and keeps the states, until the input or the process ends.

    Args:
        live: The run.
        lines: Makes rows of lines.
        writer: Takes the scores.
        args: The command's arguments.
    """

    def __init__(self, live: Any, lines: RowLines | TextLines, writer: Writer, args: Any) -> None:
        self.live, self.lines, self.writer, self.args = live, lines, writer, args
        self.streams = live.streams
        self._width = len(live.columns)
        self._signal: int | None = None
        self._waiting = False

    def run(self) -> int:
        """Go through the input.

        Raises:
            DataError: A row cannot be used, or the file of states.
        """
        state = None if self.args.state is None else Path(self.args.state)
        with ExitStack() as held:
            if state is not None:
                self._hold(state, held)
                self._begin(state)
            return self._go_through(state)

    def _go_through(self, state: Path | None) -> int:
        skip = self.streams.rows if self.args.skip_seen else 0
        with self._signals():
            try:
                for number, line in enumerate(self._input(), 1):
                    skip -= self._take(number, line, skip > 0)
            finally:
                # Nothing is half done here: a signal ends the waiting, never a step.
                if state is not None:
                    self.streams.save(state)
        if self._signal is None:
            return 0
        kept = "" if state is None else f"; the states are in {state}"
        print(f"glasscell stream: stopped after row {self.streams.rows}{kept}", file=sys.stderr)
        return 128 + self._signal

    def _hold(self, state: Path, held: ExitStack) -> None:
        """Keep the file of states for this process alone."""
        try:
            ours = held.enter_context(locked(state))
        except OSError as error:
            raise DataError(f"{state}: cannot write there ({error.strerror})") from error
        if not ours:
            raise DataError(
                f"{state}: another glasscell stream goes on from it and writes to it at this "
                "moment; wait for its end, or name another file"
            )

    def _begin(self, state: Path) -> None:
        if state.exists():
            self.streams.restore(state)
            self._say(f"{state}: goes on after row {self.streams.rows}.")
        else:
            self.streams.save(state)  # a place that cannot be written is told before any row

    def _say(self, text: str) -> None:
        if not self.args.quiet:
            print(text, file=sys.stderr)

    def _take(self, number: int, line: bytes, passed: bool) -> int:
        """Handle one line; gives 1 for a row, 0 for a header or an empty line."""
        row = None
        try:
            text = self._text(line)
            if not text.strip() and self.lines.empty_ends:
                if not passed:
                    self.live.reset()
                return 0
            row = self.lines.read(text)
            if row is None:
                return 0
            if not passed:
                self._score(row)
        except DataError as error:
            if passed:
                return 1
            message = f"line {number}: {error}"
            if self.args.on_error == "stop" or self.lines.header_missing:
                raise DataError(message) from error
            print(f"glasscell stream: {message}", file=sys.stderr, flush=True)
            self._write(row, [None] * self._width)
        return 1

    def _score(self, row: Row) -> None:
        if row.begins:
            self.live.reset(row.name)
        timed = {} if row.time is None else {"time": row.time}
        self._write(row, self.live.step(row.values, row.name, **timed))

    def _write(self, row: Row | None, cells: Sequence[Any]) -> None:
        """Count a row, write its cells, and now and then the states."""
        self.streams.rows += 1
        named = [] if self.args.id is None else [None if row is None else row.name]
        kept = (None,) * len(self.lines.keep) if row is None else row.kept
        self.writer.write([self.streams.rows, *named, *kept, *cells])
        if self.args.state is not None and self.streams.rows % self.args.save_every == 0:
            self.streams.save(self.args.state)

    def _text(self, line: bytes) -> str:
        try:
            return line.decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise DataError(f"expected text in UTF-8, got {line[:40]!r}") from error

    def _input(self) -> Iterator[bytes]:
        """Give lines as they come, until the input ends or a signal does."""
        while True:
            try:
                self._waiting = True
                line = b"" if self._signal is not None else sys.stdin.buffer.readline()
                self._waiting = False
            except StopAtOnceError:
                return
            if not line:
                return
            yield line

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Have SIGTERM and Ctrl-C end the waiting for a line, and no step in the middle."""

        def stop(number: int, _: FrameType | None) -> None:
            self._signal = number
            if self._waiting:
                self._waiting = False
                raise StopAtOnceError

        before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
