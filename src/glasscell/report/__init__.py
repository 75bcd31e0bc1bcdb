"""Reports: arrays in, pictures and one offline HTML page out.

Fill the dataclasses of `data`, then `write` the page. The page needs only NumPy; the static
pictures of `glasscell.report.figures` need matplotlib (extra `report`).
"""

from glasscell.report.cell import CellNumbers, cell_numbers
from glasscell.report.run_data import (
    ForecastPlot,
    GateWindow,
    Page,
    River,
    RiverLine,
    Table,
)
from glasscell.report.run_page import render, write

__all__ = [
    "CellNumbers",
    "ForecastPlot",
    "GateWindow",
    "Page",
    "River",
    "RiverLine",
    "Table",
    "cell_numbers",
    "render",
    "write",
]
