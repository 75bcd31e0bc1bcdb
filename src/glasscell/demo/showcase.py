"""The demo: the adding problem and a real forecast, one after the other, into one folder and page.

::

    OUT/  report.html     both parts on one page
          demo.json       every number of it
          adding/         the LSTM that learnt to add; glasscell.load(OUT/adding) needs no torch;
                          in plain-rnn/ the network that it was compared with
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
from glasscell.demo import glucose_page
from glasscell.demo.glucose_page import MealView
from glasscell.files import draft_folder, require_free_folder
from glasscell.report import page as report
from glasscell.report.page import Exploration
from glasscell.report.page.several import together
from glasscell.report.views.results.data import Text, results
from glasscell.reproduce import adding_page
from glasscell.reproduce.duel import Duel
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


def write(showcase: Showcase, folder: Path) -> None:
    """Write the page, the numbers and the networks of the adding problem."""
    if showcase.duel is not None:
        adding_page.save(showcase.duel, folder / ADDING)
    text = json.dumps(showcase.record(), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")
    report.write(page(showcase, folder), folder / REPORT)


def page(showcase: Showcase, folder: Path) -> Exploration:
    """Put both parts on one page.

    Args:
        showcase: What the demo found.
        folder: Where its networks lie.
    """
    parts: list[Exploration] = []
    sentences: list[str] = []
    notes: list[Text] = []
    table = []
    if showcase.duel is not None:
        sentences.append(adding_page.in_words(showcase.duel))
    if showcase.forecast is not None and showcase.meals is not None:
        parts.append(glucose_page.explored(showcase.forecast, showcase.meals, folder / GLUCOSE))
        own = parts[0].measures["results"]
        verdict = f"Blood glucose, an hour ahead: {_inside(showcase.forecast.verdict)}"
        sentences.append(f"{verdict} {showcase.meals.sentence}")
        table = [{**own["tables"][0], "caption": GLUCOSE_CAPTION}]
        notes += [*own["notes"], glucose_page.MARKED, GLUCOSE_NOTE]
    if showcase.duel is not None:
        parts.append(adding_page.explored(showcase.duel, folder / ADDING))
        notes += ADDING_NOTES
    whole = parts[0] if len(parts) == 1 else together(parts[0], parts[1], adding_page.PROBLEM)
    return replace(
        whole.more({}, {"results": {**results(sentences, notes=notes), "tables": table}}),
        title="glasscell demo: the LSTM you can see through",
        subtitle=(
            f"{_parts(showcase)}; glasscell {glasscell.__version__}, {showcase.seconds:.0f} seconds"
        ),
    )


GLUCOSE_CAPTION = (
    "Blood glucose an hour ahead: errors on the last 20 % of the readings.",
    "提前一小时的血糖：最后 20% 读数上的误差。",
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


def _parts(showcase: Showcase) -> str:
    parts = ["the adding problem"] if showcase.duel else []
    parts += ["a real person's blood glucose, an hour ahead"] if showcase.forecast else []
    text = " and ".join(parts)
    return text[:1].upper() + text[1:]


def _inside(sentence: str) -> str:
    """Let a sentence go on after a colon."""
    return sentence[:1].lower() + sentence[1:]
