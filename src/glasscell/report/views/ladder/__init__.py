"""Time scales: how long each unit remembers."""
