"""What `glasscell demo` shows."""
