"""Which measures can be trusted: rule sets as data, what holds against a row, reviewers, and what is lost by it."""
