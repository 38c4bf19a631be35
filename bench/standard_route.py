"""Segment one CT with the commands of nnU-Net, as TotalSegmentator does, for comparison with ctpop.

    python bench/standard_route.py CT OUT --weights FOLDER --spacing 1.5 --device cuda

The steps are as follows: reorientation to the canonical orientation, `scipy.ndimage.zoom` of order 1 to the spacing of
the models, writing of a NIfTI file, one `nnUNetv2_predict_from_modelfolder` call per part model (no mirroring, step
size of the set, one process for reading and one for writing), merging of the parts in order, `zoom` of order 0 to the
original grid, and writing of a NIfTI file.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from real_size import SETS
from runs import BIN
from scipy import ndimage

from ctpop.models import model_set


def resampled(image: Any, spacing_mm: float) -> Any:
    """Return a CT resampled to another spacing, in integer HU."""
    zoom = np.array(image.header.get_zooms(), np.float64) / spacing_mm
    hu = ndimage.zoom(image.get_fdata(), zoom, order=1, mode="nearest", grid_mode=False).astype(np.int32)
    affine = image.affine.copy()
    affine[:3, :3] /= zoom
    return nib.Nifti1Image(hu, affine)


def predicted(part: model_set.ModelPart, work: Path, step_size: float, device: str) -> NDArray[Any]:
    """Return the labels of one part for the CT in `work/in`."""
    out = work / part.folder.parent.name
    files = ["-i", str(work / "in"), "-o", str(out), "-m", str(part.folder), "-f", "0"]
    how = ["-step_size", str(step_size), "--disable_tta", "-npp", "1", "-nps", "1", "-device", device]
    subprocess.run([str(BIN / "nnUNetv2_predict_from_modelfolder"), *files, *how], check=True)
    return np.asarray(nib.load(out / "ct.nii.gz").dataobj)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ct", type=Path, help="CT to segment")
    parser.add_argument("out", type=Path, help="label map to write")
    parser.add_argument("--weights", type=Path, required=True, help="folder with the model folders of the set")
    parser.add_argument("--spacing", choices=SETS, required=True, help="spacing of the models (mm)")
    parser.add_argument("--device", choices=["cpu", "cuda"], required=True, help="device of the networks")
    options = parser.parse_args()
    models = model_set.read({"model": SETS[options.spacing], "weights": str(options.weights)})
    image = nib.as_closest_canonical(nib.load(options.ct))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "in").mkdir()
        small = resampled(image, models.resampling.spacing_mm)
        nib.save(small, work / "in" / "ct_0000.nii.gz")
        merged = np.zeros(small.shape, np.uint8)
        for part in models.parts:
            numbers = np.array([0, *(models.labels[structure] for structure in part.labels)], np.uint8)
            labels = numbers[predicted(part, work, models.step_size, options.device)]
            np.copyto(merged, labels, where=labels != 0)
    zoom = np.divide(image.shape, merged.shape)
    labels = ndimage.zoom(merged, zoom, order=0, mode="nearest", grid_mode=False)
    nib.save(nib.Nifti1Image(labels, image.affine), options.out)


if __name__ == "__main__":
    main()
