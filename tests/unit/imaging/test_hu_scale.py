"""Tests of the detection of values that are not Hounsfield units, in real CTs before and after common conversions."""

import numpy as np
import pytest
from scipy import ndimage

from ctpop.foundation.errors import ScanError
from ctpop.imaging import hu_scale
from ctpop.imaging.images import read_ct
from support.studies import REPO

REAL = [REPO / "tests" / "data" / "ct_abdomen" / name for name in ("ct.nii.gz", "ct_short.nii.gz")]


def outside_circle(hu, value):
    """Return a CT with the given value outside the reconstruction circle."""
    x, y = np.meshgrid(*(np.linspace(-1, 1, size) for size in hu.shape[:2]), indexing="ij")
    return np.where((np.hypot(x, y) > 1)[..., None], value, hu)


def in_slices(hu, slices, change):
    """Return a CT in which some axial slices are changed."""
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


def padded(hu, value, n_slices):
    """Return a CT with slices of a constant value at both ends."""
    return np.pad(hu, ((0, 0), (0, 0), (n_slices, n_slices)), constant_values=value)


@pytest.fixture(scope="module")
def small():
    """Return 30 axial slices with every second voxel in both directions."""
    return read_ct(REAL[1]).data[::2, ::2].astype(np.float64)


@pytest.fixture(scope="module", params=REAL, ids=lambda path: path.name)
def real(request):
    return read_ct(request.param).data.astype(np.float64)


def test_a_real_ct_is_in_hu(real):
    assert hu_scale.scale_of(real).finding == "hu"
    assert hu_scale.scale_of(np.where(real < -900, -2000.0, real + 0.0)).finding != "windowed"


@pytest.mark.parametrize("change", IN_HU)
def test_a_ct_padded_masked_or_clipped_far_above_tissue_is_in_hu(real, change):
    assert hu_scale.scale_of(change(real)).finding == "hu"


def test_a_phantom_without_noise_and_without_air_is_uncertain():
    hu = np.full((40, 40, 20), -100.0)
    hu[5:35, 5:35] = 30
    hu[10:20, 10:20, 5:15] = 60

    assert hu_scale.refuse_other_scales(hu).finding == "uncertain"


@pytest.mark.parametrize("spread", [6, 13, 20, 60])
def test_noise_with_few_values_is_not_clipped(spread):
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
def test_a_converted_ct_is_detected(real, finding, change):
    found = hu_scale.scale_of(change(real))

    assert (found.finding, found.is_hu) == (finding, False)
    with pytest.raises(ScanError, match=hu_scale.MEANINGS[finding]):
        hu_scale.refuse_other_scales(change(real))


def test_a_crop_of_bone_next_to_slices_with_air_is_in_hu():
    noise = np.random.default_rng(1).normal(0, 20, (40, 60, 40))
    hu = np.where(np.indices(noise.shape)[1] < 40, 60, 1280) + noise
    hu[..., :4] = np.where(np.indices(noise.shape)[1] < 10, -1000, 60)[..., :4] + noise[..., :4]

    assert hu_scale.scale_of(hu).finding == "hu"
    hu[..., 4:] = np.where(np.indices(noise.shape)[1] < 10, -1000, 60)[..., 4:] + noise[..., 4:] + 1024
    assert hu_scale.scale_of(hu).is_hu is False


def test_a_crop_without_air_is_uncertain_and_accepted(real):
    middle = tuple(slice(size * 2 // 5, size * 3 // 5) for size in real.shape)
    crop = np.maximum(real[middle], -150 + np.random.default_rng(1).normal(0, 5, real[middle].shape))

    assert hu_scale.refuse_other_scales(crop).finding in ("uncertain", "hu")


@pytest.mark.parametrize("padding", [-3024, -2000, -32768])
def test_padding_outside_the_reconstruction_circle_is_ignored(real, padding):
    x, y = np.meshgrid(*(np.linspace(-1, 1, size) for size in real.shape[:2]), indexing="ij")
    padded = np.where((x**2 + y**2 > 1)[..., None], padding, real)

    assert hu_scale.scale_of(padded).finding == "hu"


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize("factor", [0.8, 1.6, 2.5])
@pytest.mark.parametrize(("value", "n_slices"), [(0, 6), (-500, 10), (-2000, 5), (-3024, 1), (-3024, 8)])
def test_resampled_padded_ends_are_ignored(small, value, n_slices, factor, order):
    resampled = ndimage.zoom(padded(small, value, n_slices), (1, 1, factor), order=order)

    assert hu_scale.scale_of(resampled).finding == "hu"


@pytest.mark.parametrize("value", [0, -3024])
@pytest.mark.parametrize("factor", [0.3, 0.8, 1.6])
def test_a_filled_and_resampled_gap_is_ignored(small, value, factor):
    filled = in_slices(small, slice(10, 16), lambda part: np.full(part.shape, value))

    assert hu_scale.scale_of(ndimage.zoom(filled, (1, 1, factor), order=3)).finding == "hu"


@pytest.mark.parametrize("value", [-1200, -2000, -3024, 31743])
@pytest.mark.parametrize(
    "resample",
    [
        lambda hu: hu + np.random.default_rng(1).normal(0, 1e-7, hu.shape),
        lambda hu: np.where(np.indices(hu.shape)[0] < 5, -1500 - hu.max(), hu),
        lambda hu: ndimage.zoom(hu, (1.6, 1.6, 1), order=3),
        lambda hu: ndimage.rotate(hu, 17, axes=(0, 1), order=3, reshape=True, mode="constant", cval=-2000),
    ],
)
def test_rounded_or_resampled_padding_is_not_an_offset(small, value, resample):
    assert hu_scale.scale_of(resample(outside_circle(small, value))).finding == "hu"


@pytest.mark.parametrize(
    "change",
    [
        lambda hu: outside_circle(hu, -1024) - 1024,
        lambda hu: outside_circle(hu, -2000) - 1024,
        lambda hu: np.clip(hu, -1000, None) - 1024,
        lambda hu: ndimage.zoom(outside_circle(hu, -2000) - 1024, (0.8, 0.8, 1), order=3),
        lambda hu: hu - 1024 + np.random.default_rng(1).normal(0, 60, hu.shape),
    ],
)
def test_an_offset_is_detected_next_to_padding_below_air(real, change):
    assert hu_scale.scale_of(change(real)).finding == "offset"


@pytest.mark.parametrize("sd", [0, 20])
@pytest.mark.parametrize("radius", [1.5, 3])
def test_a_finger_in_a_wide_image_is_in_hu(sd, radius):
    rng = np.random.default_rng(1)
    x, y, z = np.indices((100, 100, 60))
    finger = (np.hypot(x - 50, y - 50) < radius) & (z > 20)
    hu = np.where(finger, 40 + rng.normal(0, 15, finger.shape), -1000 + rng.normal(0, sd, finger.shape))

    assert hu_scale.scale_of(hu).finding == "hu"
    assert hu_scale.scale_of(outside_circle(hu, -3024)).finding == "hu"


def test_a_small_crop_in_an_image_of_padding_is_in_hu(small):
    hu = np.full((250, 250, 200), -1024.0)
    hu[100:140, 100:140, 100:130] = small[10:50, 5:45]

    assert hu_scale.scale_of(hu).finding == "hu"


@pytest.mark.parametrize("padding", [-1000, -1024, -1100, -2000, -3024])
def test_an_image_of_only_lung_is_uncertain(padding):
    lung = np.random.default_rng(1).normal(-870, 40, (50, 50, 50))
    x, y, z = np.indices(lung.shape) - 25
    alone = np.where(x**2 + y**2 + z**2 < 22**2, lung, padding)

    assert hu_scale.scale_of(lung).finding == "uncertain"
    assert hu_scale.scale_of(alone).finding == "uncertain"
    assert hu_scale.scale_of(ndimage.zoom(alone, 1.2, order=3)).is_hu is not False


@pytest.mark.parametrize("share", [0.06, 0.2, 0.4])
@pytest.mark.parametrize(("organ", "sd"), [(40, 40), (110, 10), (110, 40)])
def test_excreted_contrast_in_a_crop_without_air_is_uncertain(share, organ, sd):
    rng = np.random.default_rng(1)
    hu = rng.normal(organ, 15, (40, 40, 40))
    hu[:8] = rng.normal(-100, 10, hu[:8].shape)
    bladder = hu[:, : int(40 * share)]
    bladder[:] = rng.normal(1000, sd, bladder.shape)

    assert hu_scale.scale_of(hu).finding == "uncertain"


@pytest.mark.parametrize("bone", [900, 1000, 1200])
@pytest.mark.parametrize("place", [1, 5, 8])
def test_a_thick_slice_of_the_vertex_is_in_hu(bone, place):
    rng = np.random.default_rng(1)
    hu = rng.normal(30, 8, (40, 40, 10))
    hu[:3, :, :place] = bone
    hu[..., place] = rng.normal(bone, 150, (40, 40))
    hu[..., place + 1 :] = rng.normal(-1000, 10, hu[..., place + 1 :].shape)

    assert hu_scale.scale_of(hu).finding == "hu"


@pytest.mark.parametrize("sd", [1, 2, 4])
def test_a_denoised_crop_of_the_liver_with_bowel_gas_is_in_hu(sd):
    hu = np.random.default_rng(1).normal(60, sd, (40, 40, 20))
    hu[5:20, 5:25, 10:] -= 1010

    assert hu_scale.scale_of(hu).finding == "hu"
    assert hu_scale.scale_of(ndimage.zoom(hu, (1, 1, 1.6), order=3)).finding == "hu"


@pytest.mark.parametrize(
    "slices", [slice(15, None), slice(None, 15), slice(None, None, 2), slice(1, None, 2), slice(5, 15)]
)
@pytest.mark.parametrize(
    "change",
    [
        lambda part: part + 1024,
        lambda part: part - 1024,
        lambda part: (part + 1024) / 4095,
        lambda part: (part + 100) / 450,
        lambda part: np.clip((part + 160) / 400, 0, 1),
    ],
)
def test_slices_with_a_different_scale_are_detected_at_any_position(real, slices, change):
    found = hu_scale.scale_of(in_slices(real[..., -30:], slices, change))

    assert found.finding == "mixed"
    assert "of 30 slices" in found.detail


def test_voxels_that_are_not_finite_are_ignored(real):
    holed = real.copy()
    holed[::2] = np.nan

    assert hu_scale.scale_of(holed).finding == "hu"
    assert hu_scale.scale_of(np.full((4, 4, 4), np.nan)).finding == "uncertain"
