"""What the runs together tell: where a file comes from, and what came of it."""
