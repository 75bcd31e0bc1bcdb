"""How far back: what forecasts gain by further steps of the past, and what the network reads."""
