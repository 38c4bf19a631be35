"""Label maps as files: compressed NIfTI that any viewer opens, with the names of the labels in the header.

The names are in extensions of the header, so that every copy of the file has them. Their form, the label table of
Caret, is the one that TotalSegmentator writes and Connectome Workbench reads. The store keeps the names in its note as
well, where they are read without unpacking an image and together with the other facts about the map.

Equal labels give equal bytes (`nifti_writer`).
"""

import colorsys
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from ctpop.foundation.errors import ScanError, in_one_line
from ctpop.imaging import nifti_writer
from ctpop.imaging.images import Volume

LEVEL = 6  # SOURCE: bench/packing.md; smaller than level 1, and sooner done
# TotalSegmentator's reader takes the first extension, and nibabel gives it the content of code 0 alone; Workbench looks
# for Caret's own code. The second copy takes 140 bytes of the packed file.
EXTENSION_CODES = (0, 30)  # SOURCE: NIFTI_ECODE_IGNORE and NIFTI_ECODE_CARET in nifti1_io.h
GOLDEN_RATIO = 0.6180339887  # steps of it along a circle never come close to where they were


def write_labels(labels: NDArray[np.unsignedinteger[Any]], like: Volume, path: Path, names: dict[str, int]) -> None:
    """Write a label map on the stored grid of another volume; equal labels give equal bytes.

    Parameters
    ----------
    labels : ndarray of shape (x, y, z), uint8 or uint16
        Label of each voxel in RAS+ order.
    like : Volume
        Volume on the grid of the labels; its `stored_affine` (mm) determines the order in which the voxels are stored.
    path : Path
        File to write, which ends in .nii.gz.
    names : dict of str to int
        Label of each structure that the map can contain.

    Raises
    ------
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from ctpop.imaging.images import Grid, read_labels
    >>> labels = np.array([[[0, 1, 2]]], np.uint8)
    >>> like = Volume(labels, Grid(labels.shape, np.eye(4)), np.eye(4))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels.nii.gz")
    ...     write_labels(labels, like, path, {"liver": 1, "spleen": 2})
    ...     read_labels(path).data
    array([[[0, 1, 2]]], dtype=uint8)

    """
    from nibabel.nifti1 import Nifti1Extension

    table = label_table(names)
    extensions = [Nifti1Extension(code, table) for code in EXTENSION_CODES]
    nifti_writer.write(_to_stored(labels, like), like.stored_affine, path, LEVEL, extensions)


def label_table(names: dict[str, int]) -> bytes:
    """Return the label table of Caret: the number and name of each label, and a colour that follows from the number.

    Line breaks at its end extend the table to a length that NIfTI permits for an extension (a multiple of 16 bytes,
    which includes the 8 bytes before the table), since readers of XML fail on zeros at the end.

    Parameters
    ----------
    names : dict of str to int
        Label of each structure.

    Returns
    -------
    bytes
        XML in UTF-8, with the labels in ascending order.

    Examples
    --------
    >>> table = label_table({"spleen": 2, "liver": 1})
    >>> [(label.get("Key"), label.text) for label in ElementTree.fromstring(table).iter("Label")]
    [('1', 'liver'), ('2', 'spleen')]
    >>> (len(table) + 8) % 16
    0

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


def names_in(path: Path) -> dict[str, int]:
    """Return the labels that a label map names in its header, in the form that TotalSegmentator and this package write.

    Parameters
    ----------
    path : Path
        NIfTI file.

    Returns
    -------
    dict of str to int
        Label of each structure, without the background (0); empty if the file names none.

    Raises
    ------
    ScanError
        `unreadable` if the names cannot be read or contain a DOCTYPE, or one label or name is listed twice.

    Examples
    --------
    >>> import tempfile
    >>> from ctpop.imaging.images import Grid
    >>> labels = np.array([[[0, 1]]], np.uint8)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels.nii.gz")
    ...     write_labels(labels, Volume(labels, Grid(labels.shape, np.eye(4)), np.eye(4)), path, {"liver": 1})
    ...     names_in(path)
    {'liver': 1}

    """
    table = _label_table_of(path)
    if not table:
        return {}
    try:
        labels = list(ElementTree.fromstring(table.rstrip(b"\0\n ")).iter("Label"))
        pairs = [((label.text or "").strip(), int(label.get("Key", ""))) for label in labels]
    except (ElementTree.ParseError, ValueError) as error:
        raise ScanError(
            "unreadable", f"{path.name}: its names of labels cannot be read: {in_one_line(error)}"
        ) from None
    pairs = [(name, number) for name, number in pairs if number]
    if len(dict(pairs)) < len(pairs) or len({number for _, number in pairs}) < len(pairs):
        raise ScanError("unreadable", f"{path.name}: its names of labels list a name or a number twice")
    return dict(pairs)


def _label_table_of(path: Path) -> bytes:
    """Return the label table in the extensions of a header; nothing if there is none, or the file cannot be read.

    Raises
    ------
    ScanError
        `unreadable` if the table has a DOCTYPE.

    """
    import nibabel as nib

    try:
        header = nib.load(path).header
    except (nib.filebasedimages.ImageFileError, OSError, EOFError, ValueError, zlib.error):
        return b""  # the reader of the image reports it
    contents = [bytes(extension.content) for extension in getattr(header, "extensions", [])]
    table = next((content for content in contents if b"<CaretExtension" in content), b"")
    if b"<!DOCTYPE" in table:  # it may define entities that expand without end
        raise ScanError("unreadable", f"{path.name}: its names of labels contain a DOCTYPE, which is not read")
    return table


def _colour(number: int) -> tuple[float, float, float]:
    return colorsys.hsv_to_rgb(number * GOLDEN_RATIO % 1, 0.8, 0.95)


def _to_stored(labels: NDArray[Any], like: Volume) -> NDArray[Any]:
    from nibabel import orientations

    canonical = orientations.io_orientation(np.eye(4))
    back = orientations.ornt_transform(canonical, orientations.io_orientation(like.stored_affine))
    return np.asarray(orientations.apply_orientation(labels, back))
