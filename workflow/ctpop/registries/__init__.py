"""How a registry of any shape becomes ours, and the criteria that decide who of it is in the study."""
