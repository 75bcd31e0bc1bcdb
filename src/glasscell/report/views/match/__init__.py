"""Match: where else the units of a chosen range are on together."""
