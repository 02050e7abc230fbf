"""The drop-in for con-duct: its command line, its files, its logs."""
