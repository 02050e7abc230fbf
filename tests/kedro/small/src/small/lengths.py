"""What nodes reach by name."""

PER_PIECE = 100
