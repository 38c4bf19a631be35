"""Definition of a study: configuration, label set, rule set, registry, inclusion criteria, and shards."""
