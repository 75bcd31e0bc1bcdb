"""Memory provenance: which step wrote what is in a cell."""
