"""Association with age: tests of the original study, adjusted analyses, centile curves, and comparison of studies."""
