"""Axes, charts, colours and heat-maps: the pencils that every picture shares."""
