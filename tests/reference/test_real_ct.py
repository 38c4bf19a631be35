"""Tests with real data: an abdominal CT scan with labels of the original model, and masks of a man without his CT."""

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts.all_tables import MEASURES_TABLE, SEGMENTS, VERDICTS
from ctpop.imaging.images import read_ct, read_labels
from ctpop.stages.measure.attenuation import COLUMNS as HU_COLUMNS
from ctpop.stages.measure.scan_measures import How, measure_structures
from ctpop.stages.measure.sides import compared_with_contralateral, placed_by_side
from ctpop.study import label_sets
from support.config_files import config_file
from support.real_data import ABDOMEN, write_masks

FULL, SHORT = ABDOMEN / "ct.nii.gz", ABDOMEN / "ct_short.nii.gz"
LABELS_104, LABELS_117 = ABDOMEN / "segmentation_v1_104.nii.gz", ABDOMEN / "segmentation_v2_117_short.nii.gz"
CHOSEN = ("spleen", "liver", "kidney_left", "kidney_right", "aorta", "vertebrae_L1", "hip_left", "brain")


def study_of(folder, label_set, *scans):
    """Run cohort, segment, measure, and screen on rows of (scan, CT, segmentation), and return their tables."""
    registry = pd.DataFrame(scans, columns=["scan_id", "ct_path", "segmentation_path"]).assign(age_years=60)
    registry.to_csv(folder / "registry.csv", index=False)
    at = {
        name: str(folder / f"{name}.parquet")
        for name in ("cohort", "exclusions", "flow", "segments", "measures", "verdicts", "analysis")
    }

    def stage(name, **options):
        assert main([name, *[word for option, value in options.items() for word in (f"--{option}", str(value))]]) == 0

    none = config_file(cohort={"criteria": []})
    tables = {name: at[name] for name in ("cohort", "exclusions", "flow")}
    stage("cohort", registry=folder / "registry.csv", config=none, **{"start-from": "segmentations"}, **tables)
    common = {"registry": folder / "registry.csv", "structures": label_set, "masks": folder / "masks"}
    stage("segment", engine="existing", out=at["segments"], **common)
    stage("measure", segments=at["segments"], out=at["measures"], **common)
    stage("screen", measures=at["measures"], structures=label_set, verdicts=at["verdicts"], analysis=at["analysis"])
    return SEGMENTS.read(at["segments"]), MEASURES_TABLE.read(at["measures"]), VERDICTS.read(at["verdicts"])


@pytest.fixture(scope="module")
def abdomen(tmp_path_factory):
    """Return the tables of the abdomen with 104 structures and of wrong combinations of its files."""
    return study_of(
        tmp_path_factory.mktemp("abdomen"),
        "paper_104",
        ("whole", FULL, LABELS_104),
        ("short_ct", SHORT, LABELS_104),
        ("other_labels", SHORT, LABELS_117),
    )


@pytest.fixture(scope="module")
def measured(abdomen):
    """Return the measures of the abdomen by structure."""
    measures = abdomen[1]
    return measures[measures["scan_id"] == "whole"].set_index("structure")


@pytest.fixture(scope="module")
def voxels():
    """Return attenuation and labels of the abdomen, read with nibabel."""
    return np.asarray(nib.load(FULL).dataobj), np.asarray(nib.load(LABELS_104).dataobj)


def test_labels_stored_as_floating_point_numbers_are_read_as_integers(abdomen, measured, voxels):
    present = {int(label) for label in np.unique(voxels[1]) if label}

    assert voxels[1].dtype == np.float64
    assert len(present) == 59
    assert abdomen[0].set_index("scan_id").loc["whole", "status"] == "existing"
    label_of = label_sets.read("paper_104").label_of
    assert {label_of[name] for name in measured.index[measured["n_voxels"] > 0]} == present


def test_volumes_are_the_voxels_of_27_cubic_millimeters_that_carry_the_label(measured, voxels):
    label_of = label_sets.read("paper_104").label_of

    counts = np.bincount(voxels[1].astype(int).ravel(), minlength=105)

    expected = {name: counts[label] * 27 / 1000 for name, label in label_of.items()}
    assert measured["volume_ml"].to_dict() == pytest.approx(expected, rel=1e-9)
    assert measured.loc["liver", "volume_ml"] > 500


@pytest.mark.parametrize("name", ["spleen", "liver", "aorta", "vertebrae_L1", "autochthon_left", "colon"])
def test_attenuation_is_that_of_the_voxels_under_the_mask(measured, voxels, name):
    values = voxels[0][voxels[1] == label_sets.read("paper_104").label_of[name]]

    row = measured.loc[name]

    assert row["hu_mean"] == pytest.approx(values.mean(), rel=1e-12)
    assert row["hu_sd"] == pytest.approx(values.std(), rel=1e-9)
    quantiles = np.percentile(values, [5, 25, 50, 75, 95])
    assert row[["hu_p05", "hu_p25", "hu_p50", "hu_p75", "hu_p95"]].to_list() == pytest.approx(list(quantiles))


def test_structures_of_the_head_are_absent_from_an_abdomen(abdomen, measured):
    verdicts = abdomen[2].set_index(["scan_id", "structure"])

    for name in ("brain", "face", "vertebrae_C1", "humerus_left"):
        assert measured.loc[name, "n_voxels"] == 0
        assert verdicts.loc[("whole", name), "reason"] == "absent"


def test_left_structures_are_to_the_left_of_right_structures(measured):
    label_set = label_sets.read("paper_104").table
    lefts = list(label_set.loc[label_set["side"].eq("left"), "structure"])
    pairs = [(left, left.replace("left", "right")) for left in lefts]
    present = measured["n_voxels"] > 0
    both = [(left, right) for left, right in pairs if present.get(left, False) and present.get(right, False)]

    x = measured["centroid_x_mm"]

    assert len(both) >= 10
    assert all(x[left] < x[right] for left, right in both)


def test_vertebrae_follow_each_other_from_head_to_feet(measured):
    names = [f"vertebrae_L{number}" for number in range(1, 6)]

    heights = measured.loc[names, "centroid_z_mm"].to_numpy()

    assert (np.diff(heights) < -20).all()


def test_structures_that_leave_the_image_are_truncated(abdomen, measured, voxels):
    verdicts = abdomen[2].set_index(["scan_id", "structure"])
    label_of = label_sets.read("paper_104").label_of
    top = set(np.unique(voxels[1][:, :, -1]))

    for name in ("aorta", "autochthon_left", "autochthon_right"):
        assert label_of[name] in top
        assert "superior" in measured.loc[name, "faces"].split()
        assert verdicts.loc[("whole", name), "reason"] == "truncated"


def test_a_ct_of_30_slices_does_not_fit_a_segmentation_of_112(abdomen):
    row = abdomen[0].set_index("scan_id").loc["short_ct"]

    assert row["status"] == "grid_mismatch"
    assert "shape (122, 101, 112) is not (122, 101, 30)" in row["detail"]


def test_labels_of_another_version_are_read_by_the_names_in_their_file(abdomen):
    row = abdomen[0].set_index("scan_id").loc["other_labels"]
    measures = abdomen[1].set_index(["scan_id", "structure"]).loc["other_labels"]
    own = np.asarray(nib.load(LABELS_117).dataobj)
    label_of = label_sets.read("total_117").label_of

    assert row["status"] == "existing"
    assert row["detail"].startswith(
        "structures are identified by the names in the file because its label numbers differ"
    )
    for name in ("liver", "spleen", "aorta", "autochthon_left"):
        assert measures.loc[name, "n_voxels"] == np.count_nonzero(own == label_of[name])
    assert set(measures.loc[["heart_atrium_left", "face"], "status"]) == {"not_in_model"}


def test_rejected_scans_have_rows_for_every_structure_without_values(abdomen):
    measures = abdomen[1].set_index("scan_id")

    assert set(measures.loc["short_ct", "status"]) == {"grid_mismatch"}
    assert len(measures) == 3 * 104
    assert measures.loc["short_ct", ["n_voxels", "volume_ml", "hu_mean"]].isna().all(axis=None)


def test_the_same_labels_fit_their_own_label_set(tmp_path):
    segments, measures, _ = study_of(tmp_path, "total_117", ("short", SHORT, LABELS_117))

    counts = np.bincount(np.asarray(nib.load(LABELS_117).dataobj).astype(int).ravel(), minlength=118)
    label_of = label_sets.read("total_117").label_of
    assert segments["status"].to_list() == ["existing"]
    assert dict(zip(measures["structure"], measures["n_voxels"], strict=True)) == {
        name: counts[label] for name, label in label_of.items()
    }


# A folder of masks without a CT


@pytest.fixture(scope="module")
def chosen(tmp_path_factory):
    """Write a label set of eight structures, because reading all 117 masks is slow."""
    path = tmp_path_factory.mktemp("label_set") / "chosen.csv"
    table = label_sets.read("total_117").table
    table[table["structure"].isin(CHOSEN)].to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def masks(tmp_path_factory):
    """Write the folder with 117 masks of a man whose CT scan is not available."""
    return write_masks(tmp_path_factory.mktemp("masks") / "segmentations")


@pytest.fixture(scope="module")
def man(tmp_path_factory, chosen, masks):
    """Return the tables of the man."""
    return study_of(tmp_path_factory.mktemp("man"), chosen, ("s0327", None, masks))


def test_volumes_of_a_mask_folder_are_those_of_each_mask(man, masks):
    volumes = man[1].set_index("structure")["volume_ml"]

    for name in CHOSEN:
        image = nib.load(masks / f"{name}.nii.gz")
        voxel_ml = abs(np.linalg.det(image.affine[:3, :3])) / 1000
        count = np.count_nonzero(np.asarray(image.dataobj))
        assert volumes[name] == pytest.approx(
            count * voxel_ml, rel=1e-6
        )  # the header stores the affine matrix as float32


def test_without_a_ct_attenuation_is_missing_and_volumes_are_usable(man):
    segments, measures, verdicts = man

    assert measures[list(HU_COLUMNS)].isna().all(axis=None)
    assert set(measures["status"]) == {"measured"}
    assert not verdicts["usable_hu"].any()
    assert verdicts.set_index("structure")["usable_volume"].loc[["spleen", "liver", "kidney_left"]].all()
    assert "files that are not named after a structure of the label set: 109" in segments.loc[0, "detail"]


def test_an_empty_mask_is_a_measured_absence(man):
    brain = man[1].set_index("structure").loc["brain"]

    assert (brain["n_voxels"], brain["volume_ml"]) == (0, 0)
    assert man[2].set_index("structure").loc["brain", "reason"] == "absent"


def test_the_left_kidney_of_the_man_is_on_the_left(man):
    x = man[1].set_index("structure")["centroid_x_mm"]

    assert x["kidney_left"] < x["liver"]
    assert x["kidney_left"] < x["kidney_right"]


# Evidence of segmentation errors in the abdomen with original and changed labels


def evidence(labels):
    """Return the measures of the abdomen under changed labels, by structure."""
    label_set = label_sets.read("paper_104")
    ct, grid = read_ct(FULL), read_labels(LABELS_104).grid
    found = measure_structures(labels, ct.data, grid, label_set.label_of, How(1, 1.5)).rows
    placed = placed_by_side(compared_with_contralateral(found, label_set), label_set, ct.data, grid)
    return placed.set_index("structure")


def changed(before, after):
    """Return the structures with at least one changed number."""
    same = before.eq(after) | (before.isna() & after.isna())
    return set(before.index[~same.all(axis=1)])


@pytest.fixture(scope="module")
def drawn():
    """Return the labels of the abdomen and their measures."""
    labels = read_labels(LABELS_104).data.copy()
    return labels, evidence(labels)


def test_every_structure_with_a_side_is_on_that_side(drawn):
    side = drawn[1]["side_mm"].dropna()

    assert len(side) == 38
    assert side.min() > 30


def test_a_swapped_pair_is_on_the_wrong_side_and_nothing_else_changes(drawn):
    labels, before = drawn
    of = label_sets.read("paper_104").label_of
    left, right = of["kidney_left"], of["kidney_right"]
    swapped = labels.copy()
    swapped[labels == left], swapped[labels == right] = right, left

    after = evidence(swapped)

    pair = ["kidney_left", "kidney_right"]
    assert changed(before, after) == set(pair)
    np.testing.assert_allclose(after.loc[pair, "side_mm"], -before.loc[pair[::-1], "side_mm"])
    assert after.loc["kidney_left", "asymmetry"] == -before.loc["kidney_left", "asymmetry"]


def test_a_distant_fragment_is_a_separate_part_and_nothing_else_changes(drawn):
    labels, before = drawn
    fragmented = labels.copy()
    assert not fragmented[2:5, 2:5, 40:43].any()
    fragmented[2:5, 2:5, 40:43] = label_sets.read("paper_104").label_of["gallbladder"]

    after = evidence(fragmented)

    assert changed(before, after) == {"gallbladder"}
    assert after.loc["gallbladder", "n_components"] == before.loc["gallbladder", "n_components"] + 1
    assert after.loc["gallbladder", "largest_share"] == pytest.approx(1300 / 1327)


def test_masks_of_the_man_share_no_voxel_that_is_not_counted(man):
    measures = man[1].set_index("structure")

    assert measures["shared_voxels"].notna().all()
    assert (measures["shared_voxels"] == 0).all()
