"""Writing of compressed NIfTI files, in which equal voxels result in equal bytes.

The stream is one gzip member without a time stamp or file name, compressed by libdeflate. libdeflate is fast enough for
use with a GPU, and its output depends only on the input, the level, and the version
(github.com/ebiggers/libdeflate/issues/400). `bench/packing.py` compares libdeflate with zlib and ISA-L. ISA-L is ten
times faster but is not used for writing, because one of about a thousand compressed label maps differed by one bit when
it was compressed again.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import deflate
import numpy as np
from numpy.typing import NDArray

from ctpop.foundation.files import write_atomically

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Extension


def write(
    voxels: NDArray[Any],
    affine: NDArray[np.float64],
    path: Path,
    level: int,
    extensions: "Sequence[Nifti1Extension]" = (),
) -> None:
    """Write an image as .nii.gz. The file is replaced only after the image has been written completely.

    Parameters
    ----------
    voxels : ndarray of shape (i, j, k)
        Image in stored order; its values are written without scaling.
    affine : ndarray of shape (4, 4), float64
        Matrix from stored indices (i, j, k) to mm in RAS+, which is written as sform and qform.
    path : Path
        Path of the file.
    level : int
        Compression level of libdeflate, 1 to 12.
    extensions : sequence of nibabel.nifti1.Nifti1Extension
        Extensions of the header.

    Raises
    ------
    OSError
        If the file cannot be written.
    ValueError
        If libdeflate does not support the level.
    nibabel.spatialimages.HeaderDataError
        If NIfTI does not support the data type of the voxels.

    Examples
    --------
    >>> import tempfile
    >>> import nibabel as nib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "image.nii.gz")
    ...     write(np.arange(6, dtype=np.int16).reshape(1, 2, 3), np.eye(4), path, level=6)
    ...     np.asarray(nib.load(path).dataobj)
    array([[[0, 1, 2],
            [3, 4, 5]]], dtype=int16)

    """
    packed = deflate.gzip_compress(_unpacked(voxels, affine, extensions), level)
    write_atomically(path, lambda part: part.write_bytes(packed))


def _unpacked(
    voxels: NDArray[Any], affine: NDArray[np.float64], extensions: "Sequence[Nifti1Extension]"
) -> NDArray[np.uint8]:
    from nibabel import Nifti1Header

    header = Nifti1Header(extensions=extensions)
    header.set_data_dtype(voxels.dtype)
    header.set_data_shape(voxels.shape)
    header.set_sform(affine, code=1)
    header.set_qform(affine, code=1, strip_shears=True)
    header.set_slope_inter(1, 0)
    header.set_xyzt_units("mm")
    written = io.BytesIO()
    header.write_to(written)
    start = int(header["vox_offset"])
    content = np.empty(start + voxels.nbytes, np.uint8)
    content[:start] = np.frombuffer(written.getvalue().ljust(start, b"\0"), np.uint8)
    content[start:].view(voxels.dtype).reshape(voxels.shape, order="F")[...] = voxels
    return content
