"""Who the people of a study are: Table 1, and how it may be shown to others."""
