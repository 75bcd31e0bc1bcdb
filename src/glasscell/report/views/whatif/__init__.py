"""What if: the network run again in the browser with something changed."""
