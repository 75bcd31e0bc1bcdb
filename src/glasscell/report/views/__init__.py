"""What a page can show, one folder a view: what it measures, draws and says.

A view is a folder and its line in `VIEWS`. Its files are found by name, each may be missing:

- `view.js` draws it in the browser, `style.css` is its style (further `*.js` and `*.css` too);
- `words.py`: `WORDS`, key to English and Chinese;
- `data.py`: `measure(recorded)`, what is measured for it, and `ARRAYS` and `MEASURES`, the keys
  that it adds to the page's data and what each of them is;
- `static.py`: what a page without script shows of it;
- `drawing.py`: `drawings(cells)`, pictures of the page's cells that its script fills in;
- `plot.py`: the picture for papers, which `glasscell.report.plots` hands out.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module, resources
from importlib.resources.abc import Traversable
from types import ModuleType
from typing import Final

__all__ = ["VIEWS", "modules", "sources"]

VIEWS: Final = (
    "cell",
    "confusion",
    "curves",
    "decided",
    "dossier",
    "duel",
    "errors",
    "events",
    "fan",
    "film",
    "forecast",
    "influence",
    "ladder",
    "lag",
    "match",
    "mistakes",
    "path",
    "provenance",
    "reasons",
    "results",
    "river",
    "sample",
    "saturation",
    "tags",
    "text",
    "tracks",
    "training",
    "truncation",
    "unit",
    "verdict",
    "wall",
    "weights",
    "whatif",
)
"""The views, by the names of their folders."""


def modules(stem: str) -> Iterator[tuple[str, ModuleType]]:
    """Give the file of this stem of every view that has one, with the view's name.

    >>> "wall" in dict(modules("words"))
    True
    """
    for view in VIEWS:
        if (_folder(view) / f"{stem}.py").is_file():
            yield view, import_module(f"{__package__}.{view}.{stem}")


def sources(ending: str) -> list[str]:
    """Give the texts of all files of a kind, ".js" or ".css", view by view and by name."""
    folders = map(_folder, VIEWS)
    files = (f for folder in folders for f in sorted(folder.iterdir(), key=lambda f: f.name))
    return [file.read_text(encoding="utf-8") for file in files if file.name.endswith(ending)]


def _folder(view: str) -> Traversable:
    return resources.files(f"{__package__}.{view}")
