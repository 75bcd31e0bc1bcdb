"""Measure the rows of the GRU and of cells that run as programs, and the LSTM's beside them.

usage: python benchmarks/cells.py OUT.json [--turns N] [--threads N]

The LSTM's rows of the same sizes are measured in the same run, so that the GRU's ratios to other
engines can be read beside the LSTM's on the same machine. `report.py --cells` makes tables of it.
"""

from __future__ import annotations

import argparse

from glasscell.bench.cases import CASES
from glasscell.bench.measure import Pace
from glasscell.bench.readable import line
from glasscell.bench.run import place, run, write
from glasscell.threads import get_num_threads

SPEED = ("one step", "inference", "training")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--threads", type=int, default=get_num_threads())
    given = parser.parse_args()
    cases = [case for case in CASES if case.mode == "GRU" or case.written]
    sizes = {(case.name, case.sizes) for case in cases}
    cases += [
        case
        for case in CASES
        if case.mode == "LSTM" and case.name in SPEED and (case.name, case.sizes) in sizes
    ]
    files = place(given.out, force=True)
    result = run(
        cases,
        threads=given.threads,
        pace=Pace(turns=given.turns),
        watch=lambda label, row: print(line(row), flush=True) if row else None,
    )
    write(result, files)


if __name__ == "__main__":
    main()
