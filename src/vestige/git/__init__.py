"""A run as a commit: DataLad's record in its message, exactly the run's outputs in its tree."""
