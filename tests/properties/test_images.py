"""Properties of reading and writing volumes: the values are read exactly, or the file is rejected."""

import itertools

import nibabel as nib
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ctpop.foundation.errors import ScanError
from ctpop.imaging.images import read_ct, read_labels
from ctpop.imaging.label_map_file import write_labels
from support.laws import law
from support.volumes import LARGE, ORIENTATIONS, affine, flip_byte, hu, save, save_turned

SHAPES = st.tuples(*[st.integers(1, 9)] * 3)
EDGES_MM = st.sampled_from([0.5, 0.75, 1.5, 2.0, 5.0])  # exact in float32, as are the reoriented affines
AFFINES = st.builds(affine, st.tuples(EDGES_MM, EDGES_MM, EDGES_MM), st.tuples(*[st.integers(-300, 300)] * 3))
COMPRESSED_BYTES = 46_000  # slightly less than the size of the compressed file of the fixture


@pytest.fixture(scope="module")
def new_path(tmp_path_factory):
    """Return a path that no other example uses."""
    folder = tmp_path_factory.mktemp("volumes")
    numbers = itertools.count()
    return lambda suffix=".nii.gz": folder / f"{next(numbers)}{suffix}"


@pytest.fixture(scope="module")
def compressed(new_path):
    """The bytes of a valid CT and its voxels."""
    path = save(new_path(), hu(LARGE))
    content = path.read_bytes()
    assert len(content) > COMPRESSED_BYTES
    return content


@law(25)
@given(SHAPES, AFFINES, st.sampled_from(ORIENTATIONS), st.integers(0, 2**32))
def test_the_axis_order_of_a_file_does_not_change_voxels_or_grid(new_path, shape, where, codes, seed):
    values = hu(shape, seed)
    values.flat[0] = 2000  # not constant, even without one of the voxels
    values = np.concatenate([values, np.zeros_like(values)])

    volume = read_ct(save_turned(new_path(), values, codes, where))

    np.testing.assert_array_equal(volume.data, values)
    np.testing.assert_array_equal(volume.grid.affine, where)


@law(25)
@given(
    SHAPES,
    AFFINES,
    st.sampled_from(ORIENTATIONS),
    st.integers(0, 2**32),
    st.sampled_from([np.uint8, np.uint16]),
)
def test_labels_are_unchanged_after_writing_and_reading(new_path, shape, where, codes, seed, dtype):
    numbers = np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    numbers.flat[0] = np.iinfo(dtype).max
    like = read_labels(save_turned(new_path(), numbers, codes, where))
    path = new_path()

    write_labels(numbers, like, path, {"spleen": 1})

    found = read_labels(path)
    assert found.data.dtype == dtype
    np.testing.assert_array_equal(found.data, numbers)
    assert found.grid.differs_from(like.grid) == ""
    np.testing.assert_array_equal(nib.load(path).affine, like.stored_affine)


def outcome(path, content):
    """Return the reason why these bytes are rejected as a CT, or "read" and the voxels."""
    path.write_bytes(content)
    try:
        return "read", read_ct(path).data
    except ScanError as error:
        return error.reason, None


@law(60)
@given(st.integers(0, COMPRESSED_BYTES - 1))
@example(0)
@example(COMPRESSED_BYTES - 1)
def test_a_truncated_compressed_file_is_rejected(new_path, compressed, length):
    reason, _ = outcome(new_path(), compressed[:length])

    assert reason == "unreadable"


@law(60)
@given(st.integers(0, COMPRESSED_BYTES - 1))
@example(4)  # the time in the gzip header, which is unrelated to the CT
def test_a_flipped_byte_in_a_compressed_file_is_rejected_or_has_no_effect(new_path, compressed, position):
    reason, found = outcome(new_path(), flip_byte(compressed, position))

    if reason == "read":
        assert 4 <= position < 10  # time and operating system in the gzip header
        np.testing.assert_array_equal(found, hu(LARGE))
    else:
        assert reason == "unreadable"


@law(60)
@given(st.dictionaries(st.integers(0, 351), st.integers(0, 255), min_size=1, max_size=6))
def test_a_file_with_any_header_is_read_or_rejected_with_a_reason(new_path, changed):
    content = bytearray(save(new_path(".nii"), hu()).read_bytes())
    for position, value in changed.items():
        content[position] = value

    reason, found = outcome(new_path(".nii"), content)

    assert reason in ("read", "unreadable", "bad_geometry", "bad_values")
    assert found is None or (found.ndim == 3 and np.isfinite(found).all())
