"""Jacobian fan: what many steps do to a change of the state."""
