"""Units that keep track: of quotes, brackets, the length of a line, found by correlation."""
