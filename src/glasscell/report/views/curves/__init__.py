"""Curves: small line charts of a whole study, each with a sentence that says what to see."""
