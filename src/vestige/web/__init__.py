"""What every server of vestige has in common: where it listens, what a connection may do, how it refuses."""
