"""What the report says: the tables of a study read together, put into figures, rows, sentences and provenance."""
