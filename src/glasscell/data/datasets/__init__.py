"""Data sets that lie in installed packages: a table of them, and what opens each; no network."""
