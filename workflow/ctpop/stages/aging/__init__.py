"""Statistics against age: the tests of the paper, adjusted analyses, centile curves, comparison of studies."""
