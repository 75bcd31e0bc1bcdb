"""The kinds of networks that a campaign trains. Apart from it, as this needs no torch."""

from __future__ import annotations

from typing import Literal

Kind = Literal["LSTM", "GRU", "RNN"]

CellName = Literal["lstm", "gru", "rnn"]
"""What users call the kinds: --cell."""

KINDS: dict[CellName, Kind] = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}

MODES: dict[Kind, str] = {"LSTM": "LSTM", "GRU": "GRU", "RNN": "RNN_TANH"}
"""Names of `glasscell.cells.of`."""

NAMES: dict[Kind, str] = {"LSTM": "LSTM", "GRU": "GRU", "RNN": "plain RNN"}

RATES: dict[Kind, float] = {"LSTM": 1.0, "GRU": 1.0, "RNN": 0.3}
"""Part of the learning rate that each kind takes: a plain RNN diverges at the rate that suits an
LSTM, and a rival trained badly would prove nothing."""
