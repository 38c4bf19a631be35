"""Agreement of predicted label maps with reference masks: overlap and surface distance of each structure."""
