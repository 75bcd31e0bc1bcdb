"""Weights: each gate's blocks and biases."""
