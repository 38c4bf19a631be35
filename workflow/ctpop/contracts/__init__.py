"""Table contracts: columns with types, units, ranges, and meanings, and the closed lists of codes."""
