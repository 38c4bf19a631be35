"""Write surface_dice_values.csv: NSD of the pairs in tests/solids.py by the two programs that define it.

DeepMind's surface-distance 0.1 is what TotalSegmentator's own evaluation uses; MONAI 1.6.1 has it again, as
`compute_surface_dice(use_subvoxels=True)`. Run by hand, with both installed beside the project:

    PYTHONPATH=tests python tests/reference/surface_dice_values.py > tests/reference/surface_dice_values.csv

Neither is a dependency of the tests, which read the table.
"""

import warnings

import torch
from monai.metrics import compute_surface_dice
from surface_distance import compute_surface_dice_at_tolerance, compute_surface_distances

from support.solids import PAIRS, TOLERANCES_MM


def by_surface_distance(pair, tolerance_mm):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it calls scipy by names of 2018
        distances = compute_surface_distances(pair.reference, pair.prediction, pair.spacing_mm)
    return float(compute_surface_dice_at_tolerance(distances, tolerance_mm))


def by_monai(pair, tolerance_mm):
    prediction, reference = (torch.from_numpy(mask)[None, None] for mask in (pair.prediction, pair.reference))
    options = {"include_background": True, "spacing": list(pair.spacing_mm), "use_subvoxels": True}
    return float(compute_surface_dice(prediction, reference, [tolerance_mm], **options))


if __name__ == "__main__":
    warnings.simplefilter("ignore", FutureWarning)  # MONAI calls itself by an option that it gives up
    print("pair,tolerance_mm,surface_distance,monai")
    for name, pair in PAIRS.items():
        for tolerance in TOLERANCES_MM:
            print(f'"{name}",{tolerance},{by_surface_distance(pair, tolerance):.12g},{by_monai(pair, tolerance):.7g}')
