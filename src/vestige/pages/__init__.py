"""Pages for people: HTML from templates that need no other host, readable without scripts."""
