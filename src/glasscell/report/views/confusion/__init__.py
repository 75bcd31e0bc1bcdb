"""Right and wrong: confusion matrix and calibration, of numbers predicted against true."""
