"""Label maps from nnU-Net v2 or existing segmentations, and the conversion of nnU-Net v1 models."""

import os

for _variable in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
    os.environ.setdefault(_variable, "unused")  # prevents warnings of nnU-Net at import; the values are not used
