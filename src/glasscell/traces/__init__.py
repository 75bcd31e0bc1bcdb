"""What a run leaves behind: the calls of a layer, put in order, and its gates as arrays."""
