"""The demo: the adding problem and a real forecast, one after the other, into one folder and page.

::

    OUT/  report.html     both parts on one page
          demo.json       every number of it
          adding/         the LSTM that learnt to add; glasscell.load(OUT/adding) needs no torch
          glucose/        the run folder of glasscell fit
"""

from __future__ import annotations

import json
import os
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import glasscell
from glasscell import report
from glasscell.demo.glucose_page import MealView
from glasscell.files import draft_folder, require_free_folder
from glasscell.reproduce import adding_page
from glasscell.reproduce.duel import Duel
from glasscell.tasks.forecast.page import forecast_page
from glasscell.tasks.forecast.result import FitResult
from glasscell.training.trainer import environment

RECORD, REPORT, ADDING, GLUCOSE = "demo.json", "report.html", "adding", "glucose"


@dataclass(frozen=True, eq=False)
class Showcase:
    """What the demo found; None for a part that was left out.

    Args:
        duel: The adding problem.
        forecast: The glucose forecast.
        meals: The gates at meals.
        seconds: Time of the whole demo.
        jobs: Networks that were trained side by side.
    """

    duel: Duel | None
    forecast: FitResult | None
    meals: MealView | None
    seconds: float
    jobs: int = 1

    def record(self) -> dict[str, Any]:
        """Give what demo.json holds."""
        return {
            "format": "glasscell-demo",
            "version": 1,
            "adding": adding_page.record(self.duel) if self.duel else None,
            "glucose": self.forecast.metrics() if self.forecast else None,
            "meals": self.meals.sentence if self.meals else None,
            "seconds": round(self.seconds, 1),
            "jobs": self.jobs,
            "environment": environment(),
        }


def demo_folder(out: str | os.PathLike[str], force: bool = False) -> AbstractContextManager[Path]:
    """Give the demo's folder to fill, as `glasscell.files.draft_folder`.

    Args:
        out: Where it goes.
        force: Replace the folder of an earlier demo.

    Raises:
        DataError: Something is at `out` already.
    """
    require_free_folder(out, force, RECORD, "was not written by glasscell demo")
    return draft_folder(Path(out).absolute(), force)


def write(found: Showcase, folder: Path) -> None:
    """Write the page, the numbers and the model that adds."""
    if found.duel is not None:
        glasscell.save(found.duel.lstm.network, folder / ADDING)
    text = json.dumps(found.record(), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")
    report.write(page(found), folder / REPORT)


def page(found: Showcase) -> report.Page:
    """Put both parts on one page."""
    shown = _glucose_part(found) if found.forecast else report.Page(title="")
    if found.duel is not None:
        shown = replace(
            shown,
            verdict=" ".join(
                filter(None, (_capital(adding_page.in_words(found.duel)), shown.verdict))
            ),
            tables=[adding_page.table(found.duel), *shown.tables],
            gates=[*shown.gates, adding_page.gates(found.duel)],
            river=adding_page.river(found.duel),
            notes=[*shown.notes, *ADDING_NOTES],
        )
    return replace(
        shown,
        title="glasscell demo: the LSTM you can see through",
        subtitle=(
            f"{_parts(found)}; glasscell {glasscell.__version__}, {found.seconds:.0f} seconds"
        ),
    )


ADDING_NOTES = (
    "The adding problem: experiment 4 of Hochreiter and Schmidhuber (1997), in the form of Le, "
    "Jaitly and Hinton (2015) and Arjovsky, Shah and Bengio (2016): two inputs, a value from 0 to "
    "1 and a marker, which is 1 once in each half of the sequence; the target is the sum of the "
    "two values marked.",
    "A plain RNN can be brought to add, too, with much longer training or a special start "
    "(identity weights and ReLU, Le et al. 2015). The duel shows the tanh RNN as it comes, with "
    "equal means.",
)

GLUCOSE_NOTE = (
    "One person's continuous glucose monitor, 24 March to 10 October 2010, from the package "
    "bokeh_sampledata (public domain). One person, half a year: nothing here is medical advice, "
    "nor does it say how the forecast would do for somebody else."
)


def _glucose_part(found: Showcase) -> report.Page:
    assert found.forecast is not None
    shown = forecast_page(found.forecast)
    notes = [*shown.notes, GLUCOSE_NOTE]
    if found.meals is None:
        return replace(shown, notes=notes)
    return replace(
        shown,
        verdict=f"Blood glucose, an hour ahead: {_inside(shown.verdict)} {found.meals.sentence}",
        tables=[
            replace(
                table,
                caption="Blood glucose an hour ahead: errors on the last 20 % of the readings.",
            )
            for table in shown.tables
        ]
        + [found.meals.table],
        gates=[found.meals.window],
        cell=found.meals.cell,
        notes=notes,
    )


def _parts(found: Showcase) -> str:
    parts = ["the adding problem"] if found.duel else []
    parts += ["a real person's blood glucose, an hour ahead"] if found.forecast else []
    return _capital(" and ".join(parts))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _inside(sentence: str) -> str:
    """Let a sentence go on after a colon."""
    return sentence[:1].lower() + sentence[1:]
