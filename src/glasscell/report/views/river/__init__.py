"""Gradient river: how much of the loss's gradient is at each step."""
