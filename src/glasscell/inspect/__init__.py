"""See inside a recurrent network: arrays in, arrays and plain verdicts out; NumPy only."""
