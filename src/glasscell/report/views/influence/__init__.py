"""Influence triangle: which inputs each output depends on."""
