"""From what the recorder saw to the record of a run."""
