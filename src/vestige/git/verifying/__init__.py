"""A run repeated in a scratch work tree, and what comes out beside what came out then."""
