"""One unit through time: its gates and what goes through them."""
