"""Label maps as files: compressed NIfTI that any viewer opens, with the names of the labels in it.

The names stand in extensions of the header, so that they stay with the file wherever it is copied, in the form that
TotalSegmentator writes and Connectome Workbench reads (the label table of Caret). The store keeps them in its note as
well: there they are read without unpacking an image, and together with what else is known of the map.

The same labels give the same bytes (`nifti_file`).
"""

import colorsys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from ctpop.imaging import nifti_writer
from ctpop.imaging.images import Volume

LEVEL = 6  # SOURCE: bench/packing.md; smaller than level 1, and sooner done
# TotalSegmentator's reader takes the first extension, and nibabel gives it the content of code 0 alone; Workbench looks
# for Caret's own code. The second copy takes 140 bytes of the packed file.
EXTENSION_CODES = (0, 30)  # SOURCE: NIFTI_ECODE_IGNORE and NIFTI_ECODE_CARET in nifti1_io.h
GOLDEN_RATIO = 0.6180339887  # steps of it along a circle never come close to where they were


def write_labels(labels: NDArray[np.unsignedinteger[Any]], like: Volume, path: Path, names: dict[str, int]) -> None:
    """Write a label map, given in RAS+ (x, y, z), on the stored grid of another volume: same labels, same bytes.

    Parameters
    ----------
    labels
        Label of each voxel, uint8 or uint16.
    like
        Volume on the grid of the labels; its `stored_affine` decides in which order the voxels are stored.
    path
        File to write, ending in .nii.gz.
    names
        Number of each structure that the map could contain.

    """
    from nibabel.nifti1 import Nifti1Extension

    table = label_table(names)
    extensions = [Nifti1Extension(code, table) for code in EXTENSION_CODES]
    nifti_writer.write(_to_stored(labels, like), like.stored_affine, path, LEVEL, extensions)


def label_table(names: dict[str, int]) -> bytes:
    """Return the label table of Caret: number, name and a colour that follows from the number.

    It is as long as an extension of NIfTI may be (a multiple of 16 bytes, with the 8 that come before it), since
    readers of XML stumble over filling zeros.
    """
    root = ElementTree.Element("CaretExtension")
    volume = ElementTree.SubElement(root, "VolumeInformation", Index="0")
    table = ElementTree.SubElement(volume, "LabelTable")
    for name, number in sorted(names.items(), key=lambda item: item[1]):
        red, green, blue = (f"{part:.3f}" for part in _colour(number))
        label = ElementTree.SubElement(table, "Label", Key=str(number), Red=red, Green=green, Blue=blue, Alpha="1")
        label.text = name
    ElementTree.SubElement(volume, "VolumeType").text = "Label"
    text: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return text + b"\n" * (-(len(text) + 8) % 16)


def _colour(number: int) -> tuple[float, float, float]:
    return colorsys.hsv_to_rgb(number * GOLDEN_RATIO % 1, 0.8, 0.95)


def _to_stored(labels: NDArray[Any], like: Volume) -> NDArray[Any]:
    from nibabel import orientations

    canonical = orientations.io_orientation(np.eye(4))
    back = orientations.ornt_transform(canonical, orientations.io_orientation(like.stored_affine))
    return np.asarray(orientations.apply_orientation(labels, back))
