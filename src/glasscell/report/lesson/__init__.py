"""`glasscell explain`: the inspect page as a lesson, chapter after chapter, with live pictures.

`carried` gives the two networks that it carries (made by scripts/lesson_networks.py), `lesson` puts
together what the page shows, `write` makes the page. The browser's part is in web/, on top of that
of `glasscell.report.page`; the words are in story_words.py.
"""

from glasscell.report.lesson.lesson_page import lesson, render, write
from glasscell.report.lesson.pair import Pair, carried

__all__ = ["Pair", "carried", "lesson", "render", "write"]
