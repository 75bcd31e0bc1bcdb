"""Errors by step ahead and by origin: where a forecast is good, and when."""
