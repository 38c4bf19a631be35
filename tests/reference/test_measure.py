"""Tests of agreement of measures with SimpleITK and with the values published by the IBSI."""

import itertools

import numpy as np
import pytest
import SimpleITK

from ctpop.imaging.images import read_ct, read_labels
from ctpop.stages.measure.scan_measures import How, measure_structures
from support.real_data import ABDOMEN, PHANTOM
from support.volumes import affine, hu, labels, save, save_turned

SHAPE = (23, 19, 17)
EROSION_MM = 1.5  # half a voxel edge of both CT scans, where rounding errors would change the result
CORNERS = list(itertools.product((0, 1), repeat=3))
BOX = [f"bbox_{end}_{axis}_mm" for end in ("min", "max") for axis in "xyz"]


def synthetic(folder, codes="RAS"):
    """Write a CT scan and a label map on a rotated grid of anisotropic voxels, and return their paths."""
    turned = affine((0.75, 1.5, 3.0), (-40, 25, -310), (12, -7, 20))
    return (
        save_turned(folder / "ct.nii.gz", hu(SHAPE), codes, turned),
        save_turned(folder / "labels.nii.gz", labels(SHAPE, highest=6), codes, turned),
    )


def ours(ct_path, labels_path, numbers):
    ct, mask = read_ct(ct_path), read_labels(labels_path)
    label_of = {str(number): number for number in numbers}
    return measure_structures(mask.data, ct.data, mask.grid, label_of, How(1, EROSION_MM)).rows.set_index("structure")


def mask_by_simpleitk(labels_path):
    return SimpleITK.Cast(SimpleITK.ReadImage(str(labels_path)), SimpleITK.sitkUInt16)


def by_simpleitk(ct_path, labels_path, numbers):
    """Return the statistics and shapes that SimpleITK computes from the same files."""
    mask = mask_by_simpleitk(labels_path)
    statistics, shapes = SimpleITK.LabelStatisticsImageFilter(), SimpleITK.LabelShapeStatisticsImageFilter()
    statistics.Execute(SimpleITK.ReadImage(str(ct_path)), mask)
    shapes.Execute(mask)
    assert set(numbers) <= set(shapes.GetLabels())
    return statistics, shapes


@pytest.fixture(scope="module", params=["turned RAS", "turned PIL", "abdomen"])
def paths(request, tmp_path_factory):
    """Return the paths of a CT scan and its label map."""
    if request.param == "abdomen":
        return ABDOMEN / "ct.nii.gz", ABDOMEN / "segmentation_v1_104.nii.gz"
    return synthetic(tmp_path_factory.mktemp("synthetic"), request.param.split()[1])


@pytest.fixture(scope="module")
def pair(paths):
    """Return the measures of this package and of SimpleITK, and the labels."""
    numbers = [int(number) for number in np.unique(read_labels(paths[1]).data) if number]
    return ours(*paths, numbers), *by_simpleitk(*paths, numbers), numbers


def test_the_files_contain_many_structures(pair):
    assert len(pair[3]) >= 6


def test_voxel_counts_and_extremes_agree_with_simpleitk(pair):
    found, statistics, _, numbers = pair

    expected = [[statistics.GetCount(n), statistics.GetMinimum(n), statistics.GetMaximum(n)] for n in numbers]
    np.testing.assert_array_equal(found[["n_voxels", "hu_min", "hu_max"]], expected)


def test_mean_and_sd_agree_with_simpleitk(pair):
    found, statistics, _, numbers = pair

    np.testing.assert_allclose(found["hu_mean"], [statistics.GetMean(n) for n in numbers], rtol=1e-9, atol=1e-9)
    n = found["n_voxels"].to_numpy(dtype=float)
    sigma = np.array([statistics.GetSigma(number) for number in numbers])  # SimpleITK divides by n - 1
    np.testing.assert_allclose(found["hu_sd"], sigma * np.sqrt((n - 1) / n), rtol=1e-7)


def test_volumes_agree_with_simpleitk(pair):
    found, _, shapes, numbers = pair

    expected = [shapes.GetPhysicalSize(n) / 1000 for n in numbers]
    np.testing.assert_allclose(found["volume_ml"], expected, rtol=1e-6)  # the header stores the spacing as float32


def test_centroids_agree_with_simpleitk_in_lps_coordinates(pair):
    found, _, shapes, numbers = pair

    lps = np.array([shapes.GetCentroid(n) for n in numbers])  # x points to the left, y to the back
    expected = lps * [-1, -1, 1]
    np.testing.assert_allclose(found[["centroid_x_mm", "centroid_y_mm", "centroid_z_mm"]], expected, atol=1e-3)


def test_border_voxels_agree_with_simpleitk(pair):
    found, _, shapes, numbers = pair

    assert found["border_voxels"].to_list() == [shapes.GetNumberOfPixelsOnBorder(n) for n in numbers]


def test_bounding_boxes_agree_with_simpleitk_in_lps_coordinates(pair, paths):
    found, _, shapes, numbers = pair
    image = mask_by_simpleitk(paths[1])

    for number in numbers:
        start, size = np.array(shapes.GetBoundingBox(number)).reshape(2, 3)
        corners = [(start - 0.5 + np.array(corner) * size).tolist() for corner in CORNERS]
        lps = np.array([image.TransformContinuousIndexToPhysicalPoint(corner) for corner in corners])
        ras = lps * [-1, -1, 1]
        expected = [*ras.min(axis=0), *ras.max(axis=0)]
        np.testing.assert_allclose(found.loc[str(number), BOX].to_numpy(float), expected, atol=1e-3)


def test_components_agree_with_simpleitk_if_corners_connect(pair, paths):
    found, _, _, numbers = pair
    image = mask_by_simpleitk(paths[1])

    for number in numbers:
        counted = SimpleITK.LabelShapeStatisticsImageFilter()
        counted.Execute(SimpleITK.ConnectedComponent(image == number, True))
        sizes = [counted.GetNumberOfPixels(part) for part in counted.GetLabels()]
        assert found.loc[str(number), "n_components"] == len(sizes)
        assert found.loc[str(number), "largest_share"] == max(sizes) / sum(sizes)


def closed_at_half_spacing(outside):
    """Return an image at half spacing whose points are in at least one voxel of `outside`, boundary included."""
    voxels = SimpleITK.GetArrayFromImage(outside)
    points = np.zeros([2 * n + 1 for n in voxels.shape], np.uint8)
    for begin in itertools.product((0, 1, 2), repeat=3):
        part = tuple(slice(first, first + 2 * n, 2) for first, n in zip(begin, voxels.shape, strict=True))
        points[part] |= voxels
    image = SimpleITK.GetImageFromArray(points)
    image.SetSpacing([edge / 2 for edge in outside.GetSpacing()])
    return image


def test_erosion_agrees_with_the_distance_map_of_simpleitk(pair, paths):
    found, _, _, numbers = pair
    image, ct = mask_by_simpleitk(paths[1]), SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(paths[0])))

    for number in numbers[:: max(1, len(numbers) // 6)]:
        outside = closed_at_half_spacing(image != number)
        depth = SimpleITK.SignedMaurerDistanceMap(outside, squaredDistance=False, useImageSpacing=True)
        deep = SimpleITK.GetArrayFromImage(depth)[1::2, 1::2, 1::2] > EROSION_MM * (1 + 1e-5)
        assert found.loc[str(number), "eroded_voxels"] == deep.sum()
        if deep.any():
            assert found.loc[str(number), "hu_mean_eroded"] == pytest.approx(ct[deep].mean(dtype=float), rel=1e-12)


def test_erosion_keeps_a_part_of_most_real_structures():
    found = ours(ABDOMEN / "ct.nii.gz", ABDOMEN / "segmentation_v1_104.nii.gz", [1, 2, 3, 5, 7, 18, 57, 88, 98])

    assert (found["eroded_voxels"] > 0).mean() > 0.5
    assert (found["eroded_voxels"] < found["n_voxels"]).all()


def test_medians_agree_with_simpleitk_within_the_bin_width(tmp_path):
    ct_path, labels_path = synthetic(tmp_path)
    found = ours(ct_path, labels_path, range(1, 7))
    statistics = SimpleITK.LabelIntensityStatisticsImageFilter()
    statistics.SetNumberOfBins(2**16)

    statistics.Execute(SimpleITK.ReadImage(str(labels_path)), SimpleITK.ReadImage(str(ct_path)))

    image, mask = read_ct(ct_path).data, read_labels(labels_path).data
    for number in range(1, 7):
        values = np.sort(image[mask == number])
        middle = values[(len(values) - 1) // 2], values[len(values) // 2]  # two values if the number of values is even
        assert middle[0] - 0.1 <= statistics.GetMedian(number) <= middle[1] + 0.1
        assert middle[0] <= found.loc[str(number), "hu_p50"] <= middle[1]


# SOURCE: Zwanenburg et al., Radiology 2020;295:328, and the IBSI reference manual (arXiv:1612.07003): consensus values
# of the digital phantom. The volume is the approximate volume (voxel counting); section 3.3 defines the statistics.


@pytest.fixture
def phantom():
    return ours(PHANTOM / "image.nii.gz", PHANTOM / "mask.nii.gz", [1]).iloc[0]


def test_the_ibsi_phantom_has_592_cubic_millimeters(phantom):
    assert phantom["volume_ml"] * 1000 == pytest.approx(592, abs=1e-9)
    assert phantom["n_voxels"] == 74


@pytest.mark.parametrize(
    ("name", "value", "digits"),
    [("mean", 2.15, 2), ("variance", 3.05, 2), ("coefficient of variation", 0.812, 3), ("root mean square", 2.77, 2)],
)
def test_the_ibsi_phantom_has_the_published_moments(phantom, name, value, digits):
    mean, sd = phantom["hu_mean"], phantom["hu_sd"]
    found = {
        "mean": mean,
        "variance": sd**2,
        "coefficient of variation": sd / mean,
        "root mean square": np.sqrt(mean**2 + sd**2),
    }

    assert round(found[name], digits) == value


def test_the_ibsi_phantom_has_the_published_energy(phantom):
    energy = phantom["n_voxels"] * (phantom["hu_mean"] ** 2 + phantom["hu_sd"] ** 2)

    assert energy == pytest.approx(567)


def test_the_ibsi_phantom_has_the_published_order_statistics(phantom):
    assert phantom[["hu_min", "hu_p50", "hu_max"]].to_list() == [1, 1, 6]
    assert phantom["hu_p75"] - phantom["hu_p25"] == 3  # interquartile range
    assert phantom["hu_max"] - phantom["hu_min"] == 5  # range
    dispersion = (phantom["hu_p75"] - phantom["hu_p25"]) / (phantom["hu_p75"] + phantom["hu_p25"])
    assert dispersion == pytest.approx(0.6)  # quartile coefficient of dispersion


def test_simpleitk_agrees_on_the_ibsi_phantom(tmp_path, phantom):
    statistics, shapes = by_simpleitk(PHANTOM / "image.nii.gz", PHANTOM / "mask.nii.gz", [1])

    assert statistics.GetMean(1) == pytest.approx(phantom["hu_mean"])
    assert shapes.GetPhysicalSize(1) == pytest.approx(592)


def test_the_centroid_of_an_axis_aligned_file_agrees_with_simpleitk(tmp_path):
    one = np.zeros(SHAPE, np.uint8)
    one[20, 3, 5] = 1
    path = save(tmp_path / "labels.nii.gz", one, affine((2, 2, 2), (0, 0, 0)))
    shapes = SimpleITK.LabelShapeStatisticsImageFilter()
    shapes.Execute(SimpleITK.ReadImage(str(path)))
    mask = read_labels(path)

    row = measure_structures(mask.data, None, mask.grid, {"one": 1}, How(1, EROSION_MM)).rows.iloc[0]

    assert row[["centroid_x_mm", "centroid_y_mm", "centroid_z_mm"]].to_list() == [40, 6, 10]
    assert shapes.GetCentroid(1) == (-40, -6, 10)


def test_the_ibsi_phantom_has_the_correct_bounding_box_and_one_component(phantom):
    # the mask covers voxels 0 to 4, 0 to 3, and 0 to 3 with edges of 2 mm; the axes point to the left and the back
    assert phantom[BOX].to_list() == pytest.approx([-9, -7, -1, 1, 1, 7])
    assert (phantom["n_components"], phantom["largest_share"]) == (1, 1)


def test_the_ibsi_phantom_has_the_published_histogram(tmp_path):
    ct, mask = read_ct(PHANTOM / "image.nii.gz"), read_labels(PHANTOM / "mask.nii.gz")

    histogram = measure_structures(mask.data, ct.data, mask.grid, {"roi": 1}, How(1, 0)).histogram

    # SOURCE: IBSI reference manual, digital phantom: gray levels 1, 3, 4, and 6
    assert histogram[["hu", "n"]].to_numpy().tolist() == [[1, 50], [3, 1], [4, 16], [6, 7]]
