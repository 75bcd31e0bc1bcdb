"""What steps do to the state: Jacobians, their products, and which way a change travels."""
