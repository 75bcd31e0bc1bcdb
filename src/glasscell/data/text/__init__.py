"""From files to symbols: characters, bytes or tokens of any text, and the vocabulary of a run."""
