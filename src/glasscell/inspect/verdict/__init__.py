"""From measures to plain words: what ails a network, and what to change."""
