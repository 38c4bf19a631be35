"""Segmentation screening (quality control): evidence, rule sets, reviewer decisions, and usable values."""
