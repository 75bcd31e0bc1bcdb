"""Makes the pictures of a classifier: which steps decided, and the confusion matrix.

    glasscell fit JapaneseVowels --out runs/vowels
    python scripts/sequence_pictures.py runs/vowels docs/pictures

plots/decided.png: a sequence that was told rightly, and what each step and each input added to the
log-odds of its class. plots/confusion.png: all of the test sequences, as metrics.json counts them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

import glasscell
from glasscell import inspect
from glasscell.report import plots
from glasscell.tasks.sequences.kept_sequences import KeptSequences
from glasscell.training import run_folder

STYLE = {"font.size": 8, "savefig.dpi": 150, "axes.spines.top": False, "axes.spines.right": False}
WIDE, COLUMN = 7.0, 3.4


def decided(run: Path) -> Any:
    """Draw what decided the longest of the shown sequences that were told rightly."""
    kept = KeptSequences.load(run / run_folder.SEQUENCES)
    said = np.asarray(kept.outputs).argmax(axis=1)
    right = np.flatnonzero(said == kept.truth)
    row = int(right[np.argmax(np.asarray(kept.lengths)[right])])
    x = kept.x[row, : kept.lengths[row]]
    found = inspect.attribute(glasscell.load(run), x, inspect.log_odds(int(said[row])))
    axes = found.plot([str(name) for name in kept.features], width=WIDE)
    axes[0].set_ylabel("added to the\nlog-odds")
    return axes


def confusion(run: Path) -> Any:
    """Draw the counts of metrics.json."""
    found = json.loads((run / run_folder.METRICS).read_text(encoding="utf-8"))["confusion"]
    return plots.confusion(np.array(found["counts"]), found["classes"], width=COLUMN)


def main() -> None:
    """Make both."""
    run, folder = (Path(argument) for argument in sys.argv[1:3])
    with mpl.rc_context(STYLE):
        for name, draw in (("plots/decided.png", decided), ("plots/confusion.png", confusion)):
            np.ravel(draw(run))[0].figure.savefig(folder / name)
            plt.close("all")
            print(folder / name)


if __name__ == "__main__":
    main()
