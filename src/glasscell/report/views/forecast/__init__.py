"""Forecast and truth: a stretch of the test part, as it was forecast and as it came."""
