"""From data to a model and an honest table: forecasting."""
