"""What training does to a network, moment by moment."""
