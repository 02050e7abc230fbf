"""One `kedro run` under each of the tools that watch it, and what each leaves: a comparison that can be checked."""
