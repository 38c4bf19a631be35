"""What a study is: its configuration, label set, rule set, registry, inclusion criteria and shards."""
