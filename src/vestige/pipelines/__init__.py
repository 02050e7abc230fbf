"""What a run knows of the nodes of a pipeline: their plan, what each did, what changed."""
