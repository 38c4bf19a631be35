"""Statistics of the study: pure functions on arrays, one module per method."""
