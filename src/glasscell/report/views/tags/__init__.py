"""Labels over time: what is true of each step, and what was said."""
