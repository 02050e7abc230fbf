"""What became of the named parts of a run that its processes wrote down."""
