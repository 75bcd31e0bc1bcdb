"""Classic problems and experiments of the literature, run again."""
