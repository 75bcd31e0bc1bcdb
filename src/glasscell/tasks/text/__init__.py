"""Text: fit a network that foretells the next symbol, judge it in bits, let it write."""
