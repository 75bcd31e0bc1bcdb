"""Right and wrong: the confusion matrix, the calibration, and of numbers what misses by how much."""
