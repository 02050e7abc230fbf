"""What a run read, wrote, loaded and called, made from what was observed."""
