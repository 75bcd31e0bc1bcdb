"""A saved model: its folder on disk, run whole, one step at a time or many at once; no torch."""
