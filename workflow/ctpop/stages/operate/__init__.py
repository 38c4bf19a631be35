"""Operation of a study: checks before a run, status during it, estimates of time and space, run times."""
