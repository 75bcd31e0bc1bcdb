"""Labelled sequences to an honest table: classify, tag or regress them."""
