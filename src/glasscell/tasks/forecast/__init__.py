"""Forecasting: windows of regular series in, an honest table and a run folder out."""
