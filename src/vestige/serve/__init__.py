"""Pages of all runs that are kept, for the one who started the server, on this machine."""
