"""Write surface_dice_values.csv: NSD of the pairs in tests/support/solids.py, from two reference implementations.

The evaluation of TotalSegmentator uses DeepMind's surface-distance 0.1. MONAI 1.6.1 contains another implementation,
`compute_surface_dice(use_subvoxels=True)`. Run the script manually, with both packages installed next to the project:

    PYTHONPATH=tests python tests/reference/surface_dice_values.py > tests/reference/surface_dice_values.csv

The tests read the table and depend on neither package.
"""

import warnings

import torch
from monai.metrics import compute_surface_dice
from surface_distance import compute_surface_dice_at_tolerance, compute_surface_distances

from support.solids import PAIRS, TOLERANCES_MM


def by_surface_distance(pair, tolerance_mm):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the package uses deprecated names of SciPy
        distances = compute_surface_distances(pair.reference, pair.prediction, pair.spacing_mm)
    return float(compute_surface_dice_at_tolerance(distances, tolerance_mm))


def by_monai(pair, tolerance_mm):
    prediction, reference = (torch.from_numpy(mask)[None, None] for mask in (pair.prediction, pair.reference))
    options = {"include_background": True, "spacing": list(pair.spacing_mm), "use_subvoxels": True}
    return float(compute_surface_dice(prediction, reference, [tolerance_mm], **options))


if __name__ == "__main__":
    warnings.simplefilter("ignore", FutureWarning)  # MONAI uses one of its own deprecated options
    print("pair,tolerance_mm,surface_distance,monai")
    for name, pair in PAIRS.items():
        for tolerance in TOLERANCES_MM:
            print(f'"{name}",{tolerance},{by_surface_distance(pair, tolerance):.12g},{by_monai(pair, tolerance):.7g}')
