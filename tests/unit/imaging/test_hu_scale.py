"""A CT whose values are no Hounsfield units is recognised by them: real CTs, and the same after common conversions."""

import numpy as np
import pytest
from scipy import ndimage

from ctpop.foundation.errors import ScanError
from ctpop.imaging import hu_scale
from ctpop.imaging.images import read_ct
from support.studies import REPO

REAL = [REPO / "tests" / "data" / "ct_abdomen" / name for name in ("ct.nii.gz", "ct_short.nii.gz")]


def outside_circle(hu, value):
    """Return a CT with a value outside the reconstruction circle."""
    x, y = np.meshgrid(*(np.linspace(-1, 1, size) for size in hu.shape[:2]), indexing="ij")
    return np.where((np.hypot(x, y) > 1)[..., None], value, hu)


def in_slices(hu, slices, change):
    """Return a CT of which some axial slices are changed."""
    changed = hu.copy()
    changed[..., slices] = change(hu[..., slices])
    return changed


CHANGES = {
    "offset": [
        lambda hu: hu + 1024,
        lambda hu: hu + 1000.0,
        lambda hu: np.clip(hu + 1024, 0, 4095),
        lambda hu: hu - 1024,
        lambda hu: hu + 8192,
        lambda hu: hu.astype(np.int16).view(np.uint16),
        lambda hu: outside_circle(hu + 1024, -1024),
        lambda hu: outside_circle(hu + 1024, -1000),
        lambda hu: hu - 100,
        lambda hu: hu * 1.15,
        lambda hu: outside_circle(hu - 200, -3024),
    ],
    "scaled": [
        lambda hu: (hu + 1024) / 4095,
        lambda hu: (hu - hu.mean()) / hu.std(),
        lambda hu: np.clip((hu + 160) / 400, 0, 1),
        lambda hu: 0.19 * (1 + hu / 1000.0),
        lambda hu: (hu + 1024) / 5,
        lambda hu: hu / 2,
        lambda hu: -hu,
        lambda hu: hu * 0.1 - 1000,
    ],
    "bytes": [
        lambda hu: np.clip((hu + 160) / 400 * 255, 0, 255).astype(np.uint8),
        lambda hu: ((hu - hu.min()) / (hu.max() - hu.min()) * 255).round(),
        lambda hu: hu.astype(np.int16).astype(np.int8),
        lambda hu: hu.astype(np.int16).astype(np.uint8).astype(np.float64),
        lambda hu: np.clip(hu, -120, 120).astype(np.int8),
    ],
    "mixed": [
        lambda hu: in_slices(hu, slice(len(hu.T) // 2, None), lambda part: part + 1024),
        lambda hu: in_slices(hu, slice(None, None, 2), lambda part: part + 1000),
        lambda hu: in_slices(hu, slice(12, 13), lambda part: part + 1024),
        lambda hu: in_slices(hu, slice(12, 13), lambda part: part - 1024),
        lambda hu: in_slices(hu, slice(5, 15), lambda part: (part + 1024) / 4095),
        lambda hu: in_slices(outside_circle(hu, -3024), slice(5, 8), lambda part: part + 1024),
        lambda hu: outside_circle(in_slices(hu, slice(5, 15), lambda part: part + 1024), -1024),
    ],
    "windowed": [
        lambda hu: np.clip(hu, -160, 240),
        lambda hu: np.clip(hu, 0, 3000),
        lambda hu: np.clip(hu, -500, 500),
        lambda hu: np.clip(hu, -1024, 240),
    ],
}


IN_HU = [
    lambda hu: np.clip(hu, -1000, 1000),
    lambda hu: outside_circle(hu, -1024),
    lambda hu: outside_circle(hu, 31743),
    lambda hu: np.where(hu < -300, -1024, hu),
    lambda hu: hu // 16 * 16,
    lambda hu: np.where(hu < -300, -1300, hu),
    lambda hu: np.where(hu < -950, hu + np.random.default_rng(1).normal(0, 150, hu.shape), hu),
    lambda hu: in_slices(hu, slice(3, 9), lambda part: np.full(part.shape, 0)),
    lambda hu: in_slices(hu, slice(3, 9), lambda part: np.full(part.shape, -3024)),
    lambda hu: in_slices(hu, slice(0, 5), lambda part: -1000 + np.random.default_rng(1).normal(0, 3, part.shape)),
    lambda hu: hu + np.random.default_rng(1).normal(0, 100, hu.shape),
]


@pytest.fixture(scope="module", params=REAL, ids=lambda path: path.name)
def real(request):
    return read_ct(request.param).data.astype(np.float64)


def test_a_real_ct_is_in_hu(real):
    assert hu_scale.scale_of(real).finding == "hu"
    assert hu_scale.scale_of(np.where(real < -900, -2000.0, real + 0.0)).finding != "windowed"


@pytest.mark.parametrize("change", IN_HU)
def test_a_ct_that_was_padded_masked_or_cut_off_far_above_tissue_is_in_hu(real, change):
    assert hu_scale.scale_of(change(real)).finding == "hu"


def test_a_phantom_without_noise_and_without_air_is_uncertain():
    hu = np.full((40, 40, 20), -100.0)
    hu[5:35, 5:35] = 30
    hu[10:20, 10:20, 5:15] = 60

    assert hu_scale.refuse_other_scales(hu).finding == "uncertain"


@pytest.mark.parametrize("spread", [6, 13, 20, 60])
def test_noise_of_few_values_is_not_cut_off(spread):
    noise = np.random.default_rng(1).integers(-spread, spread + 1, (14, 12, 10))

    assert hu_scale.scale_of(np.where(np.indices(noise.shape)[0] < 7, -1000, 40) + noise).finding == "hu"
    assert hu_scale.scale_of(np.where(np.indices(noise.shape)[1] < 4, 10, 60) + noise).finding == "uncertain"


@pytest.mark.parametrize("bone", [300, 700, 1000])
def test_a_phantom_without_noise_is_in_hu(bone):
    hu = np.full((40, 40, 20), -1000.0)
    hu[5:35, 5:35] = 0
    hu[10:20, 10:20, 5:15] = 50
    hu[10:35, 20:35, 2:18] = bone

    assert hu_scale.scale_of(hu).finding == "hu"
    assert hu_scale.scale_of(ndimage.gaussian_filter(hu, 1)).finding == "hu"


@pytest.mark.parametrize(
    ("finding", "change"), [(finding, change) for finding, changes in CHANGES.items() for change in changes]
)
def test_a_converted_ct_is_recognised(real, finding, change):
    found = hu_scale.scale_of(change(real))

    assert (found.finding, found.is_hu) == (finding, False)
    with pytest.raises(ScanError, match=hu_scale.MEANINGS[finding]):
        hu_scale.refuse_other_scales(change(real))


def test_a_crop_of_a_bone_beside_slices_with_air_is_no_other_scale():
    noise = np.random.default_rng(1).normal(0, 20, (40, 60, 40))
    hu = np.where(np.indices(noise.shape)[1] < 40, 60, 1280) + noise
    hu[..., :4] = np.where(np.indices(noise.shape)[1] < 10, -1000, 60)[..., :4] + noise[..., :4]

    assert hu_scale.scale_of(hu).finding == "hu"
    hu[..., 4:] = np.where(np.indices(noise.shape)[1] < 10, -1000, 60)[..., 4:] + noise[..., 4:] + 1024
    assert hu_scale.scale_of(hu).is_hu is False


def test_a_crop_without_air_is_uncertain_and_not_refused(real):
    middle = tuple(slice(size * 2 // 5, size * 3 // 5) for size in real.shape)
    crop = np.maximum(real[middle], -150 + np.random.default_rng(1).normal(0, 5, real[middle].shape))

    assert hu_scale.refuse_other_scales(crop).finding in ("uncertain", "hu")


@pytest.mark.parametrize("padding", [-3024, -2000, -32768])
def test_padding_outside_the_reconstruction_circle_is_no_scale(real, padding):
    x, y = np.meshgrid(*(np.linspace(-1, 1, size) for size in real.shape[:2]), indexing="ij")
    padded = np.where((x**2 + y**2 > 1)[..., None], padding, real)

    assert hu_scale.scale_of(padded).finding == "hu"


def test_voxels_that_are_not_finite_are_left_out(real):
    holed = real.copy()
    holed[::2] = np.nan

    assert hu_scale.scale_of(holed).finding == "hu"
    assert hu_scale.scale_of(np.full((4, 4, 4), np.nan)).finding == "uncertain"
