"""Tests of references in a CSV file and predictions in a store or a folder."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from ctpop.contracts.all_tables import SEGMENTS
from ctpop.foundation.errors import ContractError, ScanError
from ctpop.imaging.images import read_labels
from ctpop.imaging.label_map_store import LabelMapNote, LabelMapStore
from ctpop.stages.evaluate.label_map_pairs import Predictions, by_scan, read_references
from support.volumes import damage, flip_byte, label_set, labels, save, save_masks

ORGANS = label_set("spleen", "liver", "heart")


def references(folder, text):
    path = folder / "references.csv"
    path.write_text(text)
    return read_references(path, ORGANS)


@pytest.fixture
def store(tmp_path):
    """Return a store with the label map of scan s1, whose labels differ from those of the label set."""
    like = read_labels(save(tmp_path / "like.nii.gz", labels()))
    kept = LabelMapStore(tmp_path / "masks")
    kept.keep("s1", like, LabelMapNote("f" * 64, "", {"liver": 1, "spleen": 3}, "model 1", "a remark"))
    return kept


def error_of(predictions, scan_id="s1"):
    with pytest.raises(ScanError) as caught:
        predictions.read(scan_id)
    return caught.value.reason, caught.value.detail


def segments(**status):
    rows = [{"scan_id": scan, "status": end, "detail": detail} for scan, (end, detail) in status.items()]
    return by_scan(SEGMENTS.check(pd.DataFrame(rows).reindex(columns=list(SEGMENTS.columns))))


def test_reference_paths_are_relative_to_the_csv(tmp_path):
    save(tmp_path / "maps" / "one.nii.gz", labels())
    save_masks(tmp_path / "masks", {"liver": labels() == 1})

    first, second = references(tmp_path, "note,reference_path,scan_id\n,masks,s2\nx,maps/one.nii.gz,s1\n")

    assert (first.scan_id, second.scan_id) == ("s1", "s2")
    assert first.read().labels == ORGANS.label_of
    assert second.read().labels == {"liver": 2}


def test_absolute_reference_paths_are_read(tmp_path):
    path = save(tmp_path / "elsewhere" / "one.nii", labels())
    (tmp_path / "here").mkdir()

    [reference] = references(tmp_path / "here", f"scan_id,reference_path\ns1,{path}\n")

    np.testing.assert_array_equal(reference.read().volume.data, labels())


def test_errors_of_references_name_the_reference(tmp_path):
    [reference] = references(tmp_path, "scan_id,reference_path\ns1,missing.nii.gz\n")

    with pytest.raises(ScanError, match=re.escape("missing_file: reference: missing.nii.gz does not exist")):
        reference.read()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "scan_id,path\ns1,a\n",
            "the table must contain the columns scan_id and reference_path and at least one row, but contains 1 row",
        ),
        ("scan_id,reference_path\n", "but contains 0 rows with the columns scan_id, reference_path"),
        ("scan_id,reference_path\ns1,a\nS1,b\n", "scan_id must be unique"),
        ("scan_id,reference_path\n../s1,a\n", "scan_id is used in file names"),
        ("scan_id,reference_path\ns1,\n", "column 'reference_path' must be complete"),
        ("scan_id,reference_path\ns1,a,b\n", "the row has 3 cells, but the header has 2 names"),
    ],
)
def test_an_invalid_csv_of_references_is_rejected(tmp_path, text, words):
    with pytest.raises(ContractError, match=re.escape(words)):
        references(tmp_path, text)


def test_a_missing_csv_of_references_is_reported(tmp_path):
    with pytest.raises(ContractError, match=re.escape("does not exist; set evaluate.reference")):
        read_references(tmp_path / "no.csv", ORGANS)


def test_stored_label_maps_have_the_labels_of_their_note(store):
    found = Predictions("mine", store.folder, ORGANS).read("s1")

    assert (found.labels, found.detail) == ({"liver": 1, "spleen": 3}, "a remark")
    np.testing.assert_array_equal(found.volume.data, labels())


def test_a_changed_label_map_is_rejected(store):
    damage(store.mask_path("s1"), flip_byte)

    reason, detail = error_of(Predictions("mine", store.folder, ORGANS))

    assert reason == "unreadable"
    assert detail == "prediction: s1.nii.gz was changed after it was written; run the segment stage again"


@pytest.mark.parametrize("content", ["", "{}", json.dumps({"Modality": "CT"})])
def test_a_label_map_with_a_damaged_note_is_rejected(store, content):
    store.note_path("s1").write_text(content)

    assert error_of(Predictions("mine", store.folder, ORGANS)) == (
        "unreadable",
        "prediction: s1.json is damaged or was not written by ctpop; run the segment stage again",
    )


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii"])
def test_label_maps_without_notes_have_the_labels_of_the_label_set(tmp_path, suffix):
    save(tmp_path / f"s1{suffix}", labels())

    found = Predictions("other", tmp_path, ORGANS).read("s1")

    assert found.labels == ORGANS.label_of
    np.testing.assert_array_equal(found.volume.data, labels())


def test_folders_of_masks_are_read(tmp_path):
    save_masks(tmp_path / "s1", {"heart": labels() == 1, "spleen": labels() == 2})

    found = Predictions("other", tmp_path, ORGANS).read("s1")

    assert found.labels == {"spleen": 1, "heart": 3}
    np.testing.assert_array_equal(found.volume.data == 3, labels() == 1)


def test_a_missing_prediction_is_reported(tmp_path):
    assert error_of(Predictions("other", tmp_path, ORGANS)) == (
        "missing_file",
        "prediction: s1.nii.gz does not exist",
    )


def test_labels_outside_the_label_set_are_rejected(tmp_path):
    save(tmp_path / "s1.nii.gz", labels(highest=4))

    reason, detail = error_of(Predictions("other", tmp_path, ORGANS))

    assert reason == "unknown_labels"
    assert detail.startswith("prediction: s1.nii.gz has labels that are not in label set ")


def test_label_maps_of_failed_scans_are_not_used(store):
    failed = segments(s1=("bad_values", "all voxels have the same value"))
    without_detail = segments(s1=("missing_file", None))

    assert error_of(Predictions("mine", store.folder, ORGANS, failed)) == (
        "bad_values",
        "prediction: all voxels have the same value",
    )
    assert error_of(Predictions("mine", store.folder, ORGANS, without_detail)) == (
        "missing_file",
        "prediction: the scan has no label map",
    )


def test_a_scan_outside_the_study_is_reported(store):
    others = segments(s2=("segmented", None))

    assert error_of(Predictions("mine", store.folder, ORGANS, others)) == (
        "missing_file",
        "prediction: the study does not contain the scan",
    )


def test_a_segmented_scan_is_read(store):
    found = Predictions("mine", store.folder, ORGANS, segments(s1=("existing", None))).read("s1")

    assert found.labels == {"liver": 1, "spleen": 3}
