"""Named parts of a run: written by the command itself, line by line, read when the run is over."""
