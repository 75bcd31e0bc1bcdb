"""`glasscell explain`: the inspect page as a lesson, chapter after chapter, with live pictures.

`pair` are the two networks that it carries (made by scripts/lesson_networks.py), `story` puts what
the page shows together, `page` writes it. The browser's part is in web/, on top of
`glasscell.report.explore`'s; the words are in words_*.py.
"""


from glasscell.report.lesson.pair import Pair, carried


__all__ = ["Pair", "carried", "lesson", "render", "write"]
