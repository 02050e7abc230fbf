"""One module a command: its examples, its arguments and what it does (`vestige.cli.dispatch.Command`)."""
