"""Table contracts: the columns of every table with types, units, ranges and meanings, and the closed lists of codes."""
