"""Small CT volumes, label maps, and folders of masks with known contents, and files with faults."""

import gzip
from collections.abc import Callable
from itertools import permutations, product
from pathlib import Path
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
import pandas as pd
from isal import igzip
from nibabel import orientations
from scipy.spatial.transform import Rotation

from ctpop.study.label_sets import STRUCTURES, LabelSet

SHAPE = (8, 7, 6)
LARGE = (32, 32, 32)  # half of the compressed file contains the header and many voxels
SPACING_MM = (1.5, 2.0, 4.0)  # anisotropic, and exact in every floating-point format
ORIGIN_MM = (-30.0, -20.0, 100.0)
ORIENTATIONS = ["".join(codes) for ends in product("LR", "PA", "IS") for codes in permutations(ends)]


def affine(
    spacing_mm: tuple[float, ...] = SPACING_MM,
    origin_mm: tuple[float, ...] = ORIGIN_MM,
    turned_degrees: tuple[float, float, float] = (0, 0, 0),
) -> np.ndarray:
    """Return the affine of a RAS+ grid, rotated about x, y, and z."""
    turn = Rotation.from_euler("xyz", turned_degrees, degrees=True).as_matrix()
    found = np.eye(4)
    found[:3, :3] = turn @ np.diag(spacing_mm)
    found[:3, 3] = origin_mm
    return found


def hu(shape: tuple[int, ...] = SHAPE, seed: int = 1) -> np.ndarray:
    """Return random attenuation between -1000 and 1000 HU."""
    return np.random.default_rng(seed).integers(-1000, 1001, shape).astype(np.int16)


def labels(shape: tuple[int, ...] = SHAPE, highest: int = 3, seed: int = 2) -> np.ndarray:
    """Return randomly scattered labels from 0 to `highest`."""
    return np.random.default_rng(seed).integers(0, highest + 1, shape).astype(np.uint8)


def label_set(*names: str, bound_ml: float = np.nan) -> LabelSet:
    """Return a label set with these structures, numbered from 1."""
    table = pd.DataFrame({"label": range(1, len(names) + 1), "structure": names})
    sides = [next((side for side in ("left", "right") if side in name.split("_")), None) for name in names]
    table = table.assign(side=pd.Series(sides, dtype="str"), group="group", lower_bound_ml=bound_ml)
    return LabelSet("made_up", STRUCTURES.check(table))


def save(path: Path, data: np.ndarray, where: np.ndarray | None = None, **fields: Any) -> Path:
    """Write a NIfTI file with the sform `where`; `fields` overwrites header fields with valid or invalid values."""
    image = nib.Nifti1Image(data, affine() if where is None else where, dtype=data.dtype)
    image.header["qform_code"] = 0
    return write(path, image.to_bytes(), **fields)


def save_turned(path: Path, data: np.ndarray, codes: str, where: np.ndarray | None = None) -> Path:
    """Write a volume given in RAS+ in another axis order, with `codes` such as LPS."""
    image = nib.Nifti1Image(data, affine() if where is None else where)
    turn = orientations.ornt_transform(orientations.io_orientation(image.affine), orientations.axcodes2ornt(codes))
    nib.save(image.as_reoriented(turn), path)
    return path


def write(path: Path, content: bytes, **fields: Any) -> Path:
    """Write the bytes of a NIfTI file with changed header fields, compressed if the name ends in .gz."""
    header = np.frombuffer(bytearray(content[:348]), nib.nifti1.header_dtype)
    for name, value in fields.items():
        header[name] = value
    content = header.tobytes() + content[348:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path


def damage(path: Path, change: Callable[[bytes], bytes]) -> Path:
    """Change the bytes of a file."""
    path.write_bytes(change(path.read_bytes()))
    return path


def flip_byte(content: bytes, position: int | None = None) -> bytes:
    """Return the bytes with one byte changed, by default the middle byte."""
    position = len(content) // 2 if position is None else position
    return content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :]


def save_masks(folder: Path, masks: dict[str, np.ndarray], where: np.ndarray | None = None) -> Path:
    """Write one mask per structure, in the format of TotalSegmentator."""
    for name, mask in masks.items():
        save(folder / f"{name}.nii.gz", mask.astype(np.uint8), where)
    return folder


class Bad(NamedTuple):
    """A file that cannot be used: a function that writes it, and the reason and detail of its rejection."""

    save: Callable[[Path], Path]
    reason: str
    words: str
    suffix: str = ".nii.gz"


def _with(value: float, dtype: Any = np.float32) -> np.ndarray:
    found = hu().clip(0 if np.dtype(dtype).kind == "u" else None).astype(dtype)
    found[2, 3, 4] = value
    return found


def _sheared() -> np.ndarray:
    found = affine()
    found[1, 2] = np.tan(np.deg2rad(15)) * SPACING_MM[2]  # gantry tilt of 15 degrees
    return found


def _two_forms(qform: np.ndarray) -> Callable[[Path], Path]:
    def save_both(path: Path) -> Path:
        image = nib.Nifti1Image(hu(), affine())
        image.set_sform(affine(), 1)
        image.set_qform(qform, 1)
        return write(path, image.to_bytes())

    return save_both


def _save_cifti(path: Path) -> Path:
    axes = nib.cifti2.ScalarAxis(["one"]), nib.cifti2.ScalarAxis(["a", "b"])
    nib.save(nib.Cifti2Image(np.ones((1, 2), np.float32), axes), path.with_suffix(".dscalar.nii"))
    path.with_suffix(".dscalar.nii").rename(path)
    return path


def _colored(channels: str = "RGB") -> np.ndarray:
    return np.zeros(SHAPE, dtype=[(channel, "u1") for channel in channels])


def _by_qform(**fields: Any) -> Callable[[Path], Path]:
    """Return a function that writes a CT with only a qform and with changed header fields."""

    def save_one(path: Path) -> Path:
        image = nib.Nifti1Image(hu(), None, dtype=np.int16)
        image.set_sform(None, 0)
        image.set_qform(affine(), 1)
        return write(path, image.to_bytes(), **fields)

    return save_one


def _with_tail(path: Path) -> Path:
    """Write a CT followed by 100 MB of zeros, compressed to 100 kB."""
    content = nib.Nifti1Image(hu(), affine()).to_bytes() + bytes(100 << 20)
    path.write_bytes(igzip.compress(content, 1, mtime=0))
    return path


BAD_CTS = {
    "a gzip file cut at half its length": Bad(
        lambda path: damage(save(path, hu(LARGE)), lambda content: content[: len(content) // 2]),
        "unreadable",
        "scan.nii.gz: Compressed file ended before",
    ),
    "a gzip file without its last 9 bytes": Bad(
        lambda path: damage(save(path, hu(LARGE)), lambda content: content[:-9]),
        "unreadable",
        "scan.nii.gz: Compressed file ended before",
    ),
    "a gzip file with one flipped byte": Bad(
        lambda path: damage(save(path, hu(LARGE)), flip_byte), "unreadable", "scan.nii.gz: "
    ),
    "an intact gzip file with too few voxels": Bad(
        lambda path: save(path, hu(), dim=[3, 8, 7, 7, 1, 1, 1, 1]),
        "unreadable",
        "scan.nii.gz is truncated: it ends before its 784 bytes of voxels",
    ),
    "an uncompressed file cut at half its length": Bad(
        lambda path: damage(save(path, hu()), lambda content: content[: len(content) // 2]),
        "unreadable",
        "scan.nii is truncated: too short for its 672 bytes of voxels",
        ".nii",
    ),
    "an uncompressed file without its last byte": Bad(
        lambda path: damage(save(path, hu()), lambda content: content[:-1]),
        "unreadable",
        "scan.nii is truncated: too short for its 672 bytes of voxels",
        ".nii",
    ),
    "an empty file": Bad(
        lambda path: damage(save(path, hu()), lambda _: b""),
        "unreadable",
        "scan.nii.gz does not start with a NIfTI header",
    ),
    "a text file": Bad(
        lambda path: damage(save(path, hu()), lambda _: b"no image" * 99),
        "unreadable",
        "scan.nii does not start with a NIfTI header",
        ".nii",
    ),
    "a compressed text file": Bad(
        lambda path: damage(save(path, hu()), lambda _: gzip.compress(b"no image" * 99)),
        "unreadable",
        "scan.nii.gz does not start with a NIfTI header",
    ),
    "an image in another format": Bad(
        lambda path: nib.save(nib.MGHImage(hu().astype(np.float32), affine()), path) or path,
        "unreadable",
        "scan.mgz: a NIfTI file (.nii or .nii.gz) is expected",
        ".mgz",
    ),
    "a compression other than gzip": Bad(
        lambda path: nib.save(nib.Nifti1Image(hu(), affine()), path) or path,
        "unreadable",
        "scan.nii.bz2: a NIfTI file (.nii or .nii.gz) is expected",
        ".nii.bz2",
    ),
    "a table in the NIfTI container": Bad(
        _save_cifti, "bad_geometry", "the file must contain one volume with three axes", ".nii"
    ),
    "an uncompressed image named .nii.gz": Bad(
        lambda path: damage(save(path, hu()), gzip.decompress), "unreadable", "scan.nii.gz: Not a gzipped file"
    ),
    "a compressed image followed by other bytes": Bad(
        lambda path: damage(save(path, hu()), lambda content: content + b"garbage" * 20),
        "unreadable",
        "the file, or the data after its compressed voxels, is not compressed",
    ),
    "an image that is compressed twice": Bad(
        lambda path: damage(save(path, hu()), gzip.compress),
        "unreadable",
        "scan.nii.gz does not start with a NIfTI header; it is compressed: decompress it, or rename it to .nii.gz",
    ),
    "a compressed image named .nii": Bad(
        lambda path: damage(save(path, hu()), gzip.compress),
        "unreadable",
        "scan.nii does not start with a NIfTI header; it is compressed: decompress it, or rename it to .nii.gz",
        ".nii",
    ),
    "a truncated header": Bad(
        lambda path: damage(save(path, hu()), lambda content: content[:347]),
        "unreadable",
        "scan.nii does not start with a NIfTI header",
        ".nii",
    ),
    "a header of another length": Bad(
        lambda path: save(path, hu(), sizeof_hdr=349), "unreadable", "scan.nii.gz does not start with a NIfTI header"
    ),
    "a wrong magic": Bad(
        lambda path: save(path, hu(), magic=b"n+3"),
        "unreadable",
        "scan.nii.gz is not a NIfTI file that contains both header and voxels",
    ),
    "the header of a file pair": Bad(
        lambda path: save(path, hu(), magic=b"ni1"),
        "unreadable",
        "scan.nii.gz is not a NIfTI file that contains both header and voxels",
    ),
    "an unknown voxel type": Bad(
        lambda path: save(path, hu(), datatype=99), "unreadable", "scan.nii.gz: data code 99 not recognized"
    ),
    "single bits": Bad(
        lambda path: save(path, hu(), datatype=1), "unreadable", "scan.nii.gz: data code 1 not supported"
    ),
    "a header with a thousand times too many voxels": Bad(
        lambda path: save(path, hu(), affine((1, 1, 1)), dim=[3, 1000, 1000, 1000, 1, 1, 1, 1]),
        "unreadable",
        "scan.nii.gz is truncated: too short for its 2000000000 bytes of voxels",
    ),
    "a header with more voxels than any CT": Bad(
        lambda path: save(path, hu(), dim=[3, 30000, 30000, 30000, 1, 1, 1, 1]),
        "bad_geometry",
        "has more than 2^31 voxels",
    ),
    "a header whose voxels begin beyond the end": Bad(
        lambda path: save(path, hu(), vox_offset=4096), "unreadable", "scan.nii is truncated: too short", ".nii"
    ),
    "a header whose voxels begin beyond the end of what is packed": Bad(
        lambda path: save(path, hu(), vox_offset=4096),
        "unreadable",
        "scan.nii.gz is truncated: it ends before its 672 bytes of voxels",
    ),
    **{
        f"voxels that start at byte {offset:g}": Bad(
            lambda path, offset=offset: save(path, hu(), vox_offset=offset),
            "unreadable",
            f"scan.nii.gz: invalid position of the first voxel (byte {offset:g})",
        )
        for offset in (0, 16, 352.5, 1e15, -np.inf, np.nan)
    },
    "a file that goes on and on behind its voxels": Bad(
        _with_tail, "unreadable", "scan.nii.gz contains more than 67108864 bytes after its voxels"
    ),
    "two time points": Bad(
        lambda path: save(path, np.stack([hu(), hu()], axis=-1)),
        "bad_geometry",
        "the file must contain one volume with three axes, found shape (8, 7, 6, 2)",
    ),
    "a radiograph": Bad(
        lambda path: save(path, hu()[:, :, 0]),
        "bad_geometry",
        "the file must contain one volume with three axes, found shape (8, 7)",
    ),
    "an axis without voxels": Bad(
        lambda path: save(path, hu(), dim=[3, 8, 0, 6, 1, 1, 1, 1]), "bad_geometry", "found shape (8, 0, 6)"
    ),
    "an axis with a negative number of voxels": Bad(
        lambda path: save(path, hu(), dim=[3, -1, 1, 1, 1, 1, 1, 1], glmin=336),
        "bad_geometry",
        "found shape (-1, 1, 1)",
    ),
    **{
        f"{axes} axes": Bad(
            lambda path, axes=axes: save(path, hu(), dim=[axes, 8, 7, 6, 1, 1, 1, 1]),
            "bad_geometry",
            "the file must contain one volume with three axes",
        )
        for axes in (-3, 0, 8, 300)
    },
    "a gantry tilt": Bad(lambda path: save(path, hu(), _sheared()), "bad_geometry", "the axes are not at right angles"),
    "two axes that point the same way": Bad(
        lambda path: save(path, hu(), srow_y=[1.5, 0, 0, 0]), "bad_geometry", "the affine is singular or not finite"
    ),
    "a slice thickness of zero": Bad(
        lambda path: save(path, hu(), srow_z=[0, 0, 0, 100]), "bad_geometry", "the affine is singular or not finite"
    ),
    "a position that is not a number": Bad(
        lambda path: save(path, hu(), srow_x=[1.5, 0, 0, np.nan]),
        "bad_geometry",
        "the affine is singular or not finite",
    ),
    "voxels in meters": Bad(
        lambda path: save(path, hu(), affine((0.0015, 0.002, 0.004))),
        "bad_geometry",
        "spacing must be 0.1 to 20.0 mm, found [0.002, 0.002, 0.004]",
    ),
    "voxels in micrometers": Bad(
        lambda path: save(path, hu(), affine((1500, 2000, 4000))),
        "bad_geometry",
        "spacing must be 0.1 to 20.0 mm, found [1500.0, 2000.0, 4000.0]",
    ),
    "a CT of 3.2 m": Bad(
        lambda path: save(path, hu((2, 2, 200)), affine((1, 1, 16))),
        "bad_geometry",
        "a CT is at most 3000 mm long, found [2.0, 2.0, 3200.0] mm; the spacing is wrong",
    ),
    "voxels whose size overflows": Bad(
        lambda path: save(path, hu(), srow_x=[1e38, 0, 0, 0]), "bad_geometry", "spacing must be 0.1 to 20.0 mm"
    ),
    "no orientation": Bad(
        lambda path: save(path, hu(), sform_code=0, qform_code=0),
        "bad_geometry",
        "neither qform nor sform is set, so left and right are unknown",
    ),
    "two forms with different voxel sizes": Bad(
        _two_forms(affine((1.5, 2, 8))),
        "bad_geometry",
        "qform and sform specify different voxel sizes: [1.5, 2.0, 8.0] and [1.5, 2.0, 4.0] mm",
    ),
    "voxel edges that contradict the sform": Bad(
        lambda path: save(path, hu(), pixdim=[1, 0.75, 1, 2, 0, 0, 0, 0]),
        "bad_geometry",
        "pixdim and sform specify different voxel sizes: [0.75, 1.0, 2.0] and [1.5, 2.0, 4.0] mm",
    ),
    "two forms of which one swaps left and right": Bad(
        _two_forms(affine() @ np.diag([-1, 1, 1, 1])), "bad_geometry", "qform and sform specify different orientations"
    ),
    "two forms of which one has an invalid quaternion": Bad(
        lambda path: save(path, hu(), qform_code=1, pixdim=[1, *SPACING_MM, 0, 0, 0, 0], quatern_b=3),
        "bad_geometry",
        "the qform contains an invalid quaternion",
    ),
    "two forms of which one is not a number": Bad(
        lambda path: save(path, hu(), qform_code=1, pixdim=[1, *SPACING_MM, 0, 0, 0, 0], quatern_c=np.nan),
        "bad_geometry",
        "qform and sform specify different voxel sizes",
    ),
    "an unknown form code": Bad(
        lambda path: save(path, hu(), sform_code=99),
        "bad_geometry",
        "neither qform nor sform is set, so left and right are unknown",
    ),
    "a qform with an invalid quaternion": Bad(
        _by_qform(quatern_b=0.9, quatern_c=0.9), "bad_geometry", "the qform contains an invalid quaternion"
    ),
    "a qform that is not a number": Bad(
        _by_qform(quatern_b=np.nan), "bad_geometry", "the affine is singular or not finite"
    ),
    **{
        f"a qform with pixdim {pixdim}": Bad(
            _by_qform(pixdim=[*pixdim, 0, 0, 0, 0]),
            "bad_geometry",
            f"the qform requires side 1 or -1 and voxel edges above 0, found {pixdim[0]}, {list(pixdim[1:])}",
        )
        for pixdim in (
            (1.0, 0.0, 2.0, 4.0),
            (1.0, 1.5, -2.0, 4.0),
            (1.0, 1.5, 2.0, np.inf),
            (1.0, 1.5, np.nan, 4.0),
            (0.5, 1.5, 2.0, 4.0),
            (np.nan, 1.5, 2.0, 4.0),
        )
    },
    "one voxel that is not a number": Bad(
        lambda path: save(path, _with(np.nan)), "bad_values", "1 of 336 voxels are NaN or infinite"
    ),
    "one infinite voxel": Bad(
        lambda path: save(path, _with(np.inf)), "bad_values", "1 of 336 voxels are NaN or infinite"
    ),
    "a scale beyond all numbers": Bad(
        lambda path: save(path, hu(), scl_slope=1e38), "bad_values", "of 336 voxels are NaN or infinite"
    ),
    "a scale that turns values over": Bad(
        lambda path: save(path, hu(), scl_slope=-1),
        "bad_values",
        "the slope is -1; a slope below 0 reverses the attenuation",
    ),
    "an infinite scale": Bad(
        lambda path: save(path, hu(), scl_slope=np.inf),
        "bad_values",
        "the slope (inf) or the intercept (0.0) is invalid",
    ),
    "an infinite shift": Bad(
        lambda path: save(path, hu(), scl_slope=1, scl_inter=-np.inf),
        "bad_values",
        "the slope (1.0) or the intercept (-inf) is invalid",
    ),
    "a scale that makes numbers that are no attenuation": Bad(
        lambda path: save(path, hu(), scl_slope=1000), "bad_values", "attenuation must be within ±65536 HU, found -"
    ),
    **{
        f"a value that only {np.dtype(dtype)} can hold": Bad(
            lambda path, dtype=dtype, value=value: save(path, _with(value, dtype)),
            "bad_values",
            f"attenuation must be within ±65536 HU, found {low} to {high}",
        )
        for dtype, value, low, high in (
            (np.int32, -(2**31), -(2**31), 997),
            (np.uint32, 2**32 - 1, 0, 2**32 - 1),
            (np.int64, 2**62, -989, 2**62),
            (np.uint64, 2**64 - 1, 0, 2**64 - 1),
            (np.float32, 1e30, -989.0, np.float32(1e30)),
            (np.float64, -1e300, -1e300, 997.0),
        )
    },
    "the same value everywhere": Bad(
        lambda path: save(path, np.full(SHAPE, -1024, np.int16)),
        "bad_values",
        "all voxels have the same value -1024",
    ),
    "colors": Bad(lambda path: save(path, _colored()), "bad_values", "voxels must be real numbers"),
    "colors with transparency": Bad(
        lambda path: save(path, _colored("RGBA")), "bad_values", "voxels must be real numbers"
    ),
    "complex numbers": Bad(
        lambda path: save(path, hu().astype(np.complex64)), "bad_values", "voxels must be real numbers"
    ),
}
