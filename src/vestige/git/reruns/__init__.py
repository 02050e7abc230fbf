"""What commits have recorded, run again: which commits, in which order, and what comes of each."""
