"""Reading any bytes yields a volume that meets its contract or a reason from the list.

Valid NIfTI files of many types are damaged in one to four ways each: header fields have extreme values, or bytes are
flipped, removed, repeated, or inserted, before or after compression. Case n always has the same damage.
"""

import gzip
import signal
import tracemalloc
import zlib
from collections import Counter
from contextlib import contextmanager
from functools import cache

import nibabel as nib
import numpy as np
import pytest
from isal import igzip

from ctpop.contracts.codes import SEGMENT_STATUS
from ctpop.foundation.errors import ScanError
from ctpop.imaging.images import LARGEST_HU, read_ct, read_grid, read_labels
from support.volumes import affine, hu, labels

REASONS = {"unreadable", "bad_geometry", "bad_values"}
MOST_SECONDS = 5  # a valid file requires a thousandth of this time
MOST_BYTES = 128 << 20  # files are at most 64 KB; 1100 times this size can be allocated
EXTREMES = {
    "i": (0, 1, -1, 2, 3, 4, 5, 7, 8, 16, 99, 127, 255, 256, 348, 540, 1000, 1536, 2304, 27307, 32767, -32768),
    "f": (0.0, -0.0, 1.0, -1.0, 0.1, 0.099, 0.5, 2.0, 19.9, 20.1, 352.0, 352.5, 544.0, 1e-45, 1e-38, 1e10, 3e38, -3e38),
}
NOT_FINITE = (np.nan, np.inf, -np.inf)
DECISIVE = (
    *("sizeof_hdr", "dim", "dim", "dim", "datatype", "bitpix", "pixdim", "pixdim", "vox_offset", "magic"),
    *("scl_slope", "scl_inter", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d"),
    *("qoffset_x", "qoffset_z", "srow_x", "srow_y", "srow_z", "xyzt_units", "glmin", "intent_code"),
)


def image_of(data, kind=nib.Nifti1Image, endianness="<", where=None, **fields):
    """Return the bytes of a valid image, by default with both the sform and the qform."""
    image = kind(data, affine() if where is None else where, kind.header_class(endianness=endianness), dtype=data.dtype)
    image.set_qform(image.affine, 1)
    image.set_sform(image.affine, 1)
    content = image.to_bytes()
    header = np.frombuffer(
        bytearray(content[: image.header.sizeof_hdr]), image.header.template_dtype.newbyteorder(endianness)
    )
    for name, value in fields.items():
        header[name] = value
    return header.tobytes() + content[header.nbytes :]


def with_extension():
    image = nib.Nifti1Image(hu(), affine())
    image.header.extensions.append(nib.nifti1.Nifti1Extension(6, b"a remark " * 30))
    return image.to_bytes()


@cache
def seeds():
    """Return valid files that differ in type, byte order, NIfTI version, forms, scale, extension, and size."""
    turned = affine(turned_degrees=(10, -20, 30))
    return [
        image_of(hu()),
        image_of(hu(), where=turned, sform_code=0),
        image_of(hu(), where=turned @ np.diag([-1, -1, 1, 1]), qform_code=0),
        image_of((hu() + 1024).astype(np.uint16), scl_slope=1, scl_inter=-1024),
        image_of(hu(), endianness=">"),
        image_of(hu(), kind=nib.Nifti2Image),
        image_of(hu(), kind=nib.Nifti2Image, endianness=">", scl_slope=0.5),
        image_of(hu().astype(np.float32)),
        image_of(hu().astype(np.float64), sform_code=0),
        image_of(hu().astype(np.int32)),
        image_of(labels()),
        image_of(labels().astype(np.float32)),
        image_of(labels()[..., None]),
        image_of(labels((24, 20, 16), highest=104)),
        image_of(labels().astype(np.uint16) * 100, endianness=">"),
        image_of(hu()[:, :, :1]),
        image_of(hu((24, 20, 16))),
        with_extension(),
    ]


# Damage to the uncompressed data


def set_field(random, content):
    """Set a field of the header to an extreme value, in the byte order of the header."""
    kind = nib.Nifti2Header if content[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c") else nib.Nifti1Header
    order = ">" if content[:2] == b"\0\0" else "<"
    fields = kind.template_dtype.newbyteorder(order)
    name = str(random.choice(DECISIVE if random.random() < 0.8 else list(fields.names)))
    if len(content) < fields.itemsize or name not in fields.names:
        return content
    header = np.frombuffer(bytearray(content[: fields.itemsize]), fields)
    value = header[name].reshape(-1)
    place = random.integers(value.size)
    value[place] = extreme(random, value.dtype)
    return header.tobytes() + content[fields.itemsize :]


def extreme(random, dtype):
    if dtype.kind == "S":
        return random.bytes(dtype.itemsize)
    if dtype.kind == "f":
        return random.choice([*EXTREMES["f"], *NOT_FINITE])
    limits = np.iinfo(dtype)
    return np.clip(random.choice([*EXTREMES["i"], 2**31 - 1, -(2**31), 2**62]), limits.min, limits.max)


def flip_header_bits(random, content):
    return flip(random, content, min(len(content), 356), random.integers(1, 5))


def flip_any_bits(random, content):
    return flip(random, content, len(content), random.integers(1, 20))


def flip(random, content, end, times):
    changed = bytearray(content)
    for place in random.integers(0, max(end, 1), times if end else 0):
        changed[place] ^= 1 << random.integers(8)
    return bytes(changed)


def damage_extension(random, content):
    size = random.choice([0, 1, 7, 8, 15, 16, 2**31 - 1, -1, -8, -(2**31), 1 << 20]).astype("<i4").tobytes()
    begin = 544 if content[:2] == b"\x1c\x02" else 352
    return content[: begin - 4] + b"\1\0\0\0" + size + random.bytes(4) + content[begin + 8 :]


def damage_voxels(random, content):
    """Overwrite some voxels with patterns that are NaN or very large numbers in some type."""
    pattern = random.choice([0x7FC00000, 0x7F800001, 0x7F800000, 0x7FFFFFFF, 0x80000000, 0x7FF80000, 0xFFFFFFFF])
    begin = random.integers(348, max(len(content), 349))
    return content[:begin] + int(pattern).to_bytes(4, "little") * random.integers(1, 9) + content[begin + 32 :]


def swap_byte_order(random, content):
    field = random.choice([2, 4])
    return b"".join(content[k : k + field][::-1] for k in range(0, 348, field)) + content[348:]


def make_constant(random, content):
    return content[:352] + random.bytes(1) * (len(content) - 352)


def cut(random, content):
    return content[: random.integers(0, len(content) + 1)]


def insert(random, content):
    place = random.integers(0, len(content) + 1)
    return content[:place] + random.bytes(random.integers(1, 40)) + content[place:]


def remove(random, content):
    place = random.integers(0, len(content) + 1)
    return content[:place] + content[place + random.integers(1, 40) :]


def append_zeros(random, content):
    return content + bytes(random.choice([1, 512, 100_000]))


def append_itself(random, content):
    return content + content


CONTENT = (
    *(set_field,) * 10,
    *(flip_header_bits,) * 3,
    *(damage_voxels, flip_any_bits, damage_extension, cut, insert, remove),
    *(swap_byte_order, make_constant, append_zeros, append_itself),
)


# Damage to the compressed stream


def flip_stream_bits(random, stream):
    return flip(random, stream, len(stream), random.integers(1, 6))


def flip_stream_header_bits(random, stream):
    return flip(random, stream, min(len(stream), 12), random.integers(1, 4))


def flip_checksum_bits(random, stream):
    return stream[:-8] + flip(random, stream[-8:], min(len(stream), 8), 1)


def append_noise(random, stream):
    return stream + random.bytes(random.integers(1, 100))


def append_member(random, stream):
    return stream + gzip.compress(random.bytes(random.integers(0, 100)), mtime=0)


@cache
def bomb(size):
    """Return a small stream with this number of zeros."""
    return igzip.compress(bytes(size), 1, mtime=0)


def append_bomb(random, stream):
    return stream + bomb(int(random.choice([1 << 20, 80 << 20])))


def prepend_bomb(random, stream):
    return bomb(16 << 20) + stream


def prepend_empty_members(random, stream):
    return gzip.compress(b"", mtime=0) * random.integers(1, 50) + stream


def drop_stream_header(random, stream):
    return stream[10:]


def only_deflate(random, stream):
    return zlib.compress(random.bytes(400))


STREAM = (
    *(flip_stream_bits, flip_stream_bits, cut, cut, insert, remove, append_noise, append_member),
    *(flip_stream_header_bits, flip_checksum_bits, append_zeros, append_itself, prepend_empty_members),
    *(drop_stream_header, only_deflate, append_bomb, prepend_bomb),
)


def damaged(number):
    """Return the name and the bytes of case `number`."""
    random = np.random.default_rng([20230705, number])
    content = seeds()[random.integers(len(seeds()))]
    packed = bool(random.random() < 0.6)
    in_stream = random.integers(1, 3) if packed and random.random() < 0.4 else 0
    for _ in range(random.integers(not in_stream, 4)):
        content = CONTENT[random.integers(len(CONTENT))](random, content)
    stream = igzip.compress(content, int(random.integers(4)), mtime=0) if packed else content
    for _ in range(in_stream):
        stream = STREAM[random.integers(len(STREAM))](random, stream)
    misnamed = random.random() < 0.02
    return ("scan.nii.gz" if packed != misnamed else "scan.nii"), stream


# Requirements


def check_grid(grid):
    assert len(grid.shape) == 3
    assert min(grid.shape) >= 1
    assert np.isfinite(grid.affine).all()
    assert abs(np.linalg.det(grid.affine[:3, :3])) > 1e-9
    assert 0.1 <= grid.spacing_mm.min() <= grid.spacing_mm.max() <= 20
    assert "".join(nib.aff2axcodes(grid.affine)) == "RAS"


def check_volume(volume):
    check_grid(volume.grid)
    assert volume.data.shape == volume.grid.shape
    assert volume.data.dtype.isnative
    assert np.isfinite(volume.data).all()


def check_ct(volume):
    check_volume(volume)
    assert volume.data.dtype.kind in "iuf"
    assert -LARGEST_HU <= volume.data.min() < volume.data.max() <= LARGEST_HU


def check_labels(volume):
    check_volume(volume)
    assert volume.data.dtype in (np.uint8, np.uint16)


READERS = {"ct": (read_ct, check_ct), "labels": (read_labels, check_labels), "grid": (read_grid, check_grid)}


def check_rejection(error, path, number):
    assert error.reason in REASONS <= set(SEGMENT_STATUS), number
    assert str(path.parent) not in error.detail, number
    assert error.detail.isprintable(), number  # includes that the detail is a single line


@contextmanager
def limits(number):
    """Fail if a case exceeds its time limit or the memory limit of its file size."""

    def give_up(signum, frame):
        raise AssertionError(f"case {number} required more than {MOST_SECONDS} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, MOST_SECONDS)
    tracemalloc.reset_peak()
    at_first = tracemalloc.get_traced_memory()[0]
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    peak = tracemalloc.get_traced_memory()[1] - at_first
    assert peak < MOST_BYTES, f"case {number} takes {peak >> 20} MB"


def outcome(path, kind, number):
    """Return "read" and the grid, or the reason why a file is rejected."""
    read, check = READERS[kind]
    try:
        with limits(number):
            found = read(path)
    except ScanError as error:
        check_rejection(error, path, number)
        return error.reason, None
    check(found)
    return "read", found if kind == "grid" else found.grid


def outcomes(folder, numbers):
    """Count the outcomes of each reader; raise an error with the number of the case for any other outcome."""
    counts = Counter()
    tracemalloc.start()
    for number in numbers:
        name, stream = damaged(number)
        path = folder / name
        path.write_bytes(stream)
        ends = {kind: outcome(path, kind, number) for kind in READERS}
        counts.update((kind, reason) for kind, (reason, _) in ends.items())
        grids = [grid for _, grid in ends.values() if grid]
        assert all(grid.differs_from(grids[0]) == "" for grid in grids), number
        assert len({reason for reason, _ in ends.values()} & {"bad_geometry"}) == 0 or not grids, number
    tracemalloc.stop()
    return counts


@pytest.mark.parametrize(
    "numbers",
    [range(250), *[pytest.param(range(k, k + 1000), marks=pytest.mark.exhaustive) for k in range(0, 10_000, 1000)]],
)
def test_a_damaged_file_is_rejected_or_read_as_a_valid_volume(tmp_path, numbers):
    counts = outcomes(tmp_path, numbers)

    print(dict(sorted(counts.items())))
    assert {kind for kind, _ in counts} == set(READERS)
    for kind in READERS:
        ends = {reason: counts[kind, reason] for reason in ("read", *REASONS)}
        assert sum(ends.values()) == len(numbers)
        assert min(ends.values()) >= (0 if kind == "grid" else len(numbers) / 50)  # otherwise, the damage has no effect


def test_valid_files_are_read(tmp_path):
    for content in seeds():
        (tmp_path / "scan.nii").write_bytes(content)

        assert outcome(tmp_path / "scan.nii", "ct", 0)[0] == "read"


def test_each_case_is_reproducible():
    assert [damaged(number) for number in range(50)] == [damaged(number) for number in range(50)]
    assert len({damaged(number) for number in range(200)}) > 195
