"""Logs of con-duct, read as runs."""
