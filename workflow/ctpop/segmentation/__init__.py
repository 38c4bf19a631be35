"""Ways to come by a label map (`nnunet`, `existing`) and the store that keeps it."""

import os

for _variable in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
    os.environ.setdefault(_variable, "unused")  # nnU-Net warns at import if they are not set; nothing here uses them
