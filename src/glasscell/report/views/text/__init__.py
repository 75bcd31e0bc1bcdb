"""Text: the characters that were read, coloured by a unit."""
