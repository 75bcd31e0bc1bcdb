"""The living cell: one unit at one step, with a number on every wire."""
