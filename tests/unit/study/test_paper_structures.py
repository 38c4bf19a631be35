"""The paper's 104 structures from 117-class models: 97 shared names, the sacrum with S1, and seven not in the model."""

import numpy as np
import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts.all_tables import ANALYSIS, HISTOGRAMS, MEASURES_TABLE, REGISTRY_COLUMNS, SEGMENTS, VERDICTS
from ctpop.foundation.errors import ContractError
from ctpop.imaging.existing_segmentations import read_segmentation
from ctpop.imaging.images import read_labels
from ctpop.imaging.label_map_store import LabelMapNote, LabelMapStore
from ctpop.stages.evaluate.label_map_pairs import Predictions
from ctpop.study import configuration, label_sets
from support.volumes import SHAPE, SPACING_MM, hu, save, save_masks

TOTAL, PAPER = label_sets.read("total_117"), label_sets.read("paper_104")
MISSING = {
    *("face", "heart_myocardium", "heart_atrium_left", "heart_atrium_right"),
    *("heart_ventricle_left", "heart_ventricle_right", "pulmonary_artery"),
}
SACRUM, S1, LIVER = (slice(1, 4), slice(1, 3), slice(1, 3)), (slice(1, 3), slice(3, 4), slice(1, 3)), (6, 6, 5)


def drawn(numbers):
    """Return a label map with sacrum (12 voxels), S1 (4) and liver (1)."""
    found = np.zeros(SHAPE, np.uint8)
    for name, place in (("sacrum", SACRUM), ("vertebrae_S1", S1), ("liver", LIVER)):
        found[place] = numbers[name]
    return found


def stored(folder, numbers, label_map):
    """Put a label map into a store, as a model with these labels writes it, and return its row."""
    store = LabelMapStore(folder / "masks")
    kept = store.keep("a", read_labels(save(folder / "labels.nii.gz", label_map)), LabelMapNote("key", "", numbers))
    row = {"scan_id": "a", "status": "segmented", "mask_path": "masks/a.nii.gz", "mask_sha256": kept.mask_sha256}
    SEGMENTS.write(pd.DataFrame([row], columns=list(SEGMENTS.columns)).astype("str"), folder / "segments.parquet")


def measure(folder, label_set="paper_104"):
    registry = pd.DataFrame({"scan_id": ["a"], "patient_id": ["p"], "ct_path": ["ct.nii.gz"]})
    registry.reindex(columns=list(REGISTRY_COLUMNS)).to_csv(folder / "registry.csv", index=False)
    files = {"registry": "registry.csv", "segments": "segments.parquet", "masks": "masks"}
    files |= {"out": "measures.parquet", "histograms": "histograms.parquet"}
    options = [word for name, path in files.items() for word in (f"--{name}", str(folder / path))]
    assert main(["measure", *options, "--structures", label_set]) == 0
    return MEASURES_TABLE.read(folder / "measures.parquet").set_index("structure")


@pytest.fixture
def scan(tmp_path):
    """A scan that a 117-class model segmented."""
    save(tmp_path / "ct.nii.gz", hu())
    stored(tmp_path, TOTAL.label_of, drawn(TOTAL.label_of))
    return tmp_path


def test_the_sacrum_of_the_paper_has_the_first_sacral_vertebra(scan):
    row = measure(scan).loc["sacrum"]

    both = np.zeros(SHAPE, bool)
    both[SACRUM] = both[S1] = True
    assert (row["status"], row["n_voxels"]) == ("measured", 16)
    assert row["volume_ml"] == pytest.approx(16 * np.prod(SPACING_MM) / 1000)
    assert row["hu_mean"] == pytest.approx(hu()[both].mean())
    assert row["n_components"] == 1  # the two touch, and are one part
    counts = HISTOGRAMS.read(scan / "histograms.parquet")
    assert counts.loc[counts["structure"].eq("sacrum"), "n"].sum() == 16


def test_with_the_label_set_of_the_model_both_stay_apart(scan):
    rows = measure(scan, "total_117")

    assert rows.loc[["sacrum", "vertebrae_S1"], "n_voxels"].tolist() == [12, 4]


def test_the_seven_that_the_model_lacks_are_not_in_the_model_and_never_absent(scan):
    rows = measure(scan)
    files = {"measures": "measures.parquet", "verdicts": "verdicts.parquet", "analysis": "analysis.parquet"}
    options = [word for name, path in files.items() for word in (f"--{name}", str(scan / path))]
    assert main(["screen", *options, "--structures", "paper_104"]) == 0

    assert set(rows.index[rows["status"].eq("not_in_model")]) == MISSING
    assert rows.loc[sorted(MISSING), "n_voxels"].isna().all()
    assert rows["status"].eq("measured").sum() == 97
    reasons = VERDICTS.read(scan / "verdicts.parquet").set_index("structure")["reason"]
    assert set(reasons.index[reasons.eq("not_in_model")]) == MISSING
    assert reasons["spleen"] == "absent"  # known to the model, and without a voxel
    assert not set(ANALYSIS.read(scan / "analysis.parquet")["structure"]) & MISSING


def test_the_model_of_the_paper_has_its_own_sacrum(tmp_path):
    save(tmp_path / "ct.nii.gz", hu())
    stored(tmp_path, PAPER.label_of, drawn({**PAPER.label_of, "vertebrae_S1": PAPER.label_of["vertebrae_L5"]}))

    assert measure(tmp_path).loc[["sacrum", "vertebrae_L5"], "n_voxels"].tolist() == [12, 4]


def test_an_evaluation_compares_the_sacrum_of_the_paper(scan):
    found = Predictions("total", scan / "masks", PAPER).read("a")

    assert np.count_nonzero(found.volume.data == found.labels["sacrum"]) == 16
    assert np.count_nonzero(Predictions("total", scan / "masks", TOTAL).read("a").volume.data == 25) == 12


def test_a_folder_of_masks_gives_the_same_sacrum(tmp_path):
    label_map = drawn(TOTAL.label_of)
    masks = {name: label_map == TOTAL.label_of[name] for name in ("sacrum", "vertebrae_S1", "liver", "heart")}
    masks["vertebrae_S1"][SACRUM] |= masks["sacrum"][SACRUM]  # overlap within one structure is none with another
    masks["liver"][2, 3, 1] = True  # a voxel of S1

    found = read_segmentation(save_masks(tmp_path / "masks", masks), PAPER, None)

    assert np.count_nonzero(found.volume.data == PAPER.label_of["sacrum"]) == 16
    assert found.labels == {"liver": PAPER.label_of["liver"], "sacrum": PAPER.label_of["sacrum"]}
    assert found.shared == {"liver": 1, "sacrum": 1}
    assert found.detail == (
        "voxels in more than one mask, which received the highest label: 1;"
        " files that are not named after a structure of the label set: 1"
    )


def test_a_part_without_its_structure_is_not_taken_for_it(tmp_path):
    masks = {"vertebrae_S1": np.ones(SHAPE, bool), "liver": np.zeros(SHAPE, bool)}

    assert read_segmentation(save_masks(tmp_path / "masks", masks), PAPER, None).labels == {"liver": 5}
    assert PAPER.joins({"vertebrae_S1": 26}) == {}


def test_only_the_sacrum_of_the_paper_includes_anything():
    assert PAPER.parts == {"sacrum": ["vertebrae_S1"]}
    assert TOTAL.parts == label_sets.read("demo").parts == {}
    assert PAPER.joins(TOTAL.label_of) == {26: 25}
    assert PAPER.joins(PAPER.label_of) == {}
    assert set(PAPER.names) - set(TOTAL.names) == MISSING


def test_a_structure_that_includes_another_one_of_the_set_is_refused(tmp_path):
    path = tmp_path / "mine.csv"
    rows = [
        "label,structure,side,group,lower_bound_ml,includes",
        "1,sacrum,,spine,,vertebrae_S1",
        "2,vertebrae_S1,,spine,,",
    ]
    path.write_text("\n".join(rows))

    with pytest.raises(ContractError, match="column 'includes' contains vertebrae_S1, which is also a structure of"):
        label_sets.read(str(path))


def test_what_a_structure_includes_decides_what_runs_again(tmp_path):
    head, row = "label,structure,side,group,lower_bound_ml,includes\n", "1,sacrum,,spine,,"
    (tmp_path / "a.csv").write_text(f"{head}{row}\n")
    (tmp_path / "b.csv").write_text(f"{head}{row}vertebrae_S1\n")

    assert configuration.labels_digest(str(tmp_path / "a.csv")) != configuration.labels_digest(str(tmp_path / "b.csv"))
