"""How long the memory cells keep what was written, and by which step it was."""
