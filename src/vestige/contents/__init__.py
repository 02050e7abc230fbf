"""How two versions of one file compare: byte for byte, and by what their kind of file holds."""
