"""Operation of a study: checks before a run, status during a run, resource estimates, and run times."""
