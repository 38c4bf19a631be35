"""nnU-Net v2 in one process: models loaded once and safely, windows streamed; the only place that imports torch."""
