"""Observing a command: the native recorder, the portable observer in its stead, and what they wrote."""
