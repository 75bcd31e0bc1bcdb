"""Gate wall: what every gate of every unit did at every step."""
