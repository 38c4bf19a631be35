"""Conversion of nnU-Net v1 models to nnU-Net v2 without executing code in their pickle files."""
