"""Agreement of predicted label maps with references: overlap and surface distances of each structure."""
