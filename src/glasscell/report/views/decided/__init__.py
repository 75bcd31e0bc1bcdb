"""Which steps decided: what every step's inputs added to the score of what was said."""
