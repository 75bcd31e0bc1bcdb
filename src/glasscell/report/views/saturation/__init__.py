"""Saturation: which gates are stuck open or shut."""
