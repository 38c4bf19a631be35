"""Label maps by nnU-Net v2, or from existing segmentations, and the conversion of models of nnU-Net v1."""

import os

for _variable in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
    os.environ.setdefault(_variable, "unused")  # nnU-Net warns at import if they are not set; nothing here uses them
