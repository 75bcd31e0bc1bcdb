"""The gradient of a loss on its way back through time, and what its profile says."""
