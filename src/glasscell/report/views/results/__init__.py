"""Results: every method's errors in one table, with the rows that the network loses to."""
