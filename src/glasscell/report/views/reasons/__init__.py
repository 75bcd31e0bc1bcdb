"""A forecast with its reasons: which steps and columns moved it, and the check of it."""
