"""What somebody needs who runs a study on a cluster: checks before, a look while it runs, a plan of time and space."""
