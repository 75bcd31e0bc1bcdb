"""What a network that was fitted to a text writes by itself."""
