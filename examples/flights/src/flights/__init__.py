"""What delays the flights that leave New York City, and whether it can be foreseen."""
