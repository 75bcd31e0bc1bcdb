"""Mistakes: the sequences to look at first, as the network was surest of what is wrong."""
