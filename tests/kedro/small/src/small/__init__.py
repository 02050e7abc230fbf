"""A project with every kind of dataset and node."""
