"""Reading and validation of nnU-Net model sets and model folders without loading a network."""
