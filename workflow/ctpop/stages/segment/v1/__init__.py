"""Models of nnU-Net v1, read without running what their pickles may carry, as models of nnU-Net v2."""
