"""Lets `python -m glasscell` be the same program as `glasscell`."""

from __future__ import annotations

import sys

from glasscell.cli import main

if __name__ == "__main__":
    sys.exit(main())
