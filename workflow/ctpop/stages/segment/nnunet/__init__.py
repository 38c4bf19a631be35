"""nnU-Net v2 in one process, with models that are loaded once and safely, and with streamed windows."""
