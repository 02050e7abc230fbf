"""What Kedro's own command line shows of vestige."""
