"""What `vestige telemetry` does, and what comes after every other command: the count of it, and the one question."""
