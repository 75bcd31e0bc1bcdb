"""Path split: the conveyor belt against the way through the gates."""
