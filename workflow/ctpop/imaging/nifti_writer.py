"""Compressed NIfTI as this project writes it: same voxels, same bytes.

The stream is one gzip member without time or name, packed by libdeflate, which is as fast as what a GPU leaves time for
and whose output depends on nothing but its input, level and version (github.com/ebiggers/libdeflate/issues/400).
`bench/packing.py` compares it with zlib and ISA-L. ISA-L is ten times as fast and is not used for writing: one of some
thousand label maps that it packed had another bit than the same map packed again.
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
    """Write an image as .nii.gz, whole or not at all.

    Parameters
    ----------
    voxels
        Image in the order in which it is stored (i, j, k), without scaling.
    affine
        From stored indices to mm in RAS+ (4 × 4); kept as sform and qform.
    path
        File to write.
    level
        Effort of libdeflate, 1 to 12.
    extensions
        Extensions of the header.

    Raises
    ------
    OSError
        If the file cannot be written.

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
