"""The verdict: what ails each layer, in plain words."""
