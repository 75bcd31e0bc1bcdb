"""Training log: the errors of every network that was trained, epoch by epoch."""
