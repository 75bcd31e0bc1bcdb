"""Training film: gates and gradients while the network learned."""
