"""Records as people read them. Returns text, prints nothing."""
