"""A table of results for a terminal of any width: numbers are whole or not there."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

WIDE = 10_000
MORE = "A wider terminal shows more; {file} has all."


class FittedTable:
    """The table for rich's Console.print, which asks it to fit the terminal.

    Args:
        title: What stands above it.
        rows: By column what each row says; the first column names the row.
        bold: Rows that stand out.
        leaving: Columns that a narrow terminal does without, in this order.
        headline: The column that stays when the rows become a list.
        file: Where all of it stands.
        below: A sentence below it.
    """

    def __init__(
        self,
        title: str,
        rows: Sequence[dict[str, str]],
        *,
        bold: Sequence[bool],
        leaving: Sequence[str],
        headline: str,
        file: str = "metrics.json",
        below: str = "",
    ) -> None:
        self.title, self.rows = title, rows
        self.styles = ["bold" if one else "" for one in bold]
        self.leaving, self.headline = leaving, headline
        self.more, self.below = MORE.format(file=file), below

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self._fitted(console, options)
        if self.below:
            yield Text(self.below)

    def _fitted(self, console: Console, options: ConsoleOptions) -> RenderResult:
        columns, width = list(self.rows[0]), options.max_width
        for name in (None, *self.leaving):
            columns = [column for column in columns if column != name]
            table = self._table(columns)
            if console.measure(table, options=options.update(width=WIDE)).maximum <= width:
                yield table
                if len(columns) < len(self.rows[0]):
                    yield Text(self.more, "italic")
                return
        yield Text(self.title, "italic")
        for row, style in zip(self.rows, self.styles, strict=True):
            yield Text(row[columns[0]], style)
            yield Text(f"  {self.headline} {row[self.headline]}", style)
        yield Text(self.more, "italic")

    def _table(self, columns: Sequence[str]) -> Table:
        table = Table(title=self.title)
        for name in columns:
            justify = "left" if name == columns[0] else "right"
            table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
        for row, style in zip(self.rows, self.styles, strict=True):
            table.add_row(*(row[name] for name in columns), style=style)
        return table
