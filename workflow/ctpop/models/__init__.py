"""nnU-Net model sets and model folders, read and checked without loading a network."""
