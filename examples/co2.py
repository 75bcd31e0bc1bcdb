"""Weekly CO2 at Mauna Loa, a quarter ahead: data on which ridge regression is as good as an LSTM.

python examples/co2.py RUN     writes RUN (see `glasscell fit --help`); needs statsmodels
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from statsmodels.datasets import co2

from glasscell.cli import main

with tempfile.TemporaryDirectory() as folder:
    table = Path(folder) / "co2.csv"
    # 2284 weeks from 1958 to 2001, 59 of them without a value; public domain.
    co2.load_pandas().data.rename_axis("ds").reset_index().to_csv(table, index=False)
    flags = ["--horizon", "13", "--gaps", "interpolate", "--force"]
    raise SystemExit(main(["fit", str(table), "--out", sys.argv[1], *flags]))
