"""A finished study as an RO-Crate: its files, its inputs, and the run that made it."""
