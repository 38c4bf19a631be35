"""Label maps in compressed NIfTI files with the names of the labels in the header.

The names are in extensions of the header, so each copy of the file contains them. They are stored as a Caret label
table, which TotalSegmentator also writes and Connectome Workbench reads. The note in the store also contains the names,
so the image need not be decompressed to read them.

Equal labels result in equal bytes (`nifti_writer`).
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

LEVEL = 6  # SOURCE: bench/packing.md; smaller files and shorter run time than level 1
# TotalSegmentator reads the first extension, for which nibabel returns the content only with code 0. Workbench searches
# for the code of Caret. The second copy requires 140 bytes of the compressed file.
EXTENSION_CODES = (0, 30)  # SOURCE: NIFTI_ECODE_IGNORE and NIFTI_ECODE_CARET in nifti1_io.h
GOLDEN_RATIO = 0.6180339887  # steps of this size distribute the hues of consecutive labels evenly on the color circle


def write_labels(labels: NDArray[np.unsignedinteger[Any]], like: Volume, path: Path, names: dict[str, int]) -> None:
    """Write a label map on the stored grid of another volume. Equal labels result in equal bytes.

    Parameters
    ----------
    labels : ndarray of shape (x, y, z), uint8 or uint16
        Label of each voxel in RAS+ order.
    like : Volume
        Volume on the grid of the labels; its `stored_affine` (mm) determines the order of the stored voxels.
    path : Path
        Path of the file, with the extension .nii.gz.
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
    """Return a Caret label table with the number, name, and color of each label.

    The color depends only on the number. Trailing line breaks extend the table to a length that NIfTI permits for an
    extension (a multiple of 16 bytes, including the 8 bytes before the table), because XML parsers reject trailing
    zeros.

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
        red, green, blue = (f"{part:.3f}" for part in _color(number))
        label = ElementTree.SubElement(table, "Label", Key=str(number), Red=red, Green=green, Blue=blue, Alpha="1")
        label.text = name
    ElementTree.SubElement(volume, "VolumeType").text = "Label"
    text: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return text + b"\n" * (-(len(text) + 8) % 16)


def names_in(path: Path) -> dict[str, int]:
    """Read the names of labels in the header of a label map by TotalSegmentator or this package.

    Parameters
    ----------
    path : Path
        NIfTI file.

    Returns
    -------
    dict of str to int
        Label of each structure, without the background (0); empty if the file contains no names.

    Raises
    ------
    ScanError
        `unreadable` if the names cannot be read or contain a DOCTYPE, or if a label or a name is listed twice.

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
            "unreadable", f"{path.name}: the label names in the header cannot be read: {in_one_line(error)}"
        ) from None
    pairs = [(name, number) for name, number in pairs if number]
    if len(dict(pairs)) < len(pairs) or len({number for _, number in pairs}) < len(pairs):
        raise ScanError("unreadable", f"{path.name}: the label names in the header list a name or a number twice")
    return dict(pairs)


def _label_table_of(path: Path) -> bytes:
    """Return the label table in the extensions of a header; empty if the file has no table or cannot be read.

    Raises
    ------
    ScanError
        `unreadable` if the table contains a DOCTYPE.

    """
    import nibabel as nib

    try:
        header = nib.load(path).header
    except (nib.filebasedimages.ImageFileError, OSError, EOFError, ValueError, zlib.error):
        return b""  # the function that reads the image reports the error
    contents = [bytes(extension.content) for extension in getattr(header, "extensions", [])]
    table = next((content for content in contents if b"<CaretExtension" in content), b"")
    if b"<!DOCTYPE" in table:  # a DOCTYPE can define entities that expand without limit
        raise ScanError("unreadable", f"{path.name}: the label names in the header contain a DOCTYPE, which is unsafe")
    return table


def _color(number: int) -> tuple[float, float, float]:
    return colorsys.hsv_to_rgb(number * GOLDEN_RATIO % 1, 0.8, 0.95)


def _to_stored(labels: NDArray[Any], like: Volume) -> NDArray[Any]:
    from nibabel import orientations

    canonical = orientations.io_orientation(np.eye(4))
    back = orientations.ornt_transform(canonical, orientations.io_orientation(like.stored_affine))
    return np.asarray(orientations.apply_orientation(labels, back))
