"""Truncation: what a shorter window of backpropagation loses."""
