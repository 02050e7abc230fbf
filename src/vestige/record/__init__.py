"""Records: where they lie, what they say, how they are made from what the recorder saw."""
