"""Runs side by side: what differs, and what the time went into."""
