"""References come from a CSV, predictions from a store or a folder, and a label map that is not there says so."""

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
    """A store with the label map of scan s1, whose model numbers the structures in its own way."""
    like = read_labels(save(tmp_path / "like.nii.gz", labels()))
    kept = LabelMapStore(tmp_path / "masks")
    kept.keep("s1", like, LabelMapNote("f" * 64, "", {"liver": 1, "spleen": 3}, "model 1", "a remark"))
    return kept


def refused(predictions, scan_id="s1"):
    with pytest.raises(ScanError) as caught:
        predictions.read(scan_id)
    return caught.value.reason, caught.value.detail


def segments(**status):
    rows = [{"scan_id": scan, "status": end, "detail": detail} for scan, (end, detail) in status.items()]
    return by_scan(SEGMENTS.check(pd.DataFrame(rows).reindex(columns=list(SEGMENTS.columns))))


def test_references_are_read_relative_to_their_csv(tmp_path):
    save(tmp_path / "maps" / "one.nii.gz", labels())
    save_masks(tmp_path / "masks", {"liver": labels() == 1})

    first, second = references(tmp_path, "note,reference_path,scan_id\n,masks,s2\nx,maps/one.nii.gz,s1\n")

    assert (first.scan_id, second.scan_id) == ("s1", "s2")
    assert first.read().labels == ORGANS.label_of
    assert second.read().labels == {"liver": 2}


def test_a_reference_outside_the_folder_is_read_by_its_full_path(tmp_path):
    path = save(tmp_path / "elsewhere" / "one.nii", labels())
    (tmp_path / "here").mkdir()

    [reference] = references(tmp_path / "here", f"scan_id,reference_path\ns1,{path}\n")

    np.testing.assert_array_equal(reference.read().volume.data, labels())


def test_a_reference_that_cannot_be_read_says_that_it_is_the_reference(tmp_path):
    [reference] = references(tmp_path, "scan_id,reference_path\ns1,nowhere.nii.gz\n")

    with pytest.raises(ScanError, match=re.escape("missing_file: reference: nowhere.nii.gz does not exist")):
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
def test_a_csv_of_references_that_breaks_its_promise_is_refused(tmp_path, text, words):
    with pytest.raises(ContractError, match=re.escape(words)):
        references(tmp_path, text)


def test_a_csv_of_references_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ContractError, match=re.escape("does not exist; set evaluate.reference")):
        read_references(tmp_path / "no.csv", ORGANS)


def test_a_label_map_of_a_store_has_the_labels_and_the_remark_of_its_note(store):
    found = Predictions("mine", store.folder, ORGANS).read("s1")

    assert (found.labels, found.detail) == ({"liver": 1, "spleen": 3}, "a remark")
    np.testing.assert_array_equal(found.volume.data, labels())


def test_a_label_map_that_changed_after_it_was_stored_is_refused(store):
    damage(store.mask_path("s1"), flip_byte)

    reason, detail = refused(Predictions("mine", store.folder, ORGANS))

    assert reason == "unreadable"
    assert detail == "prediction: s1.nii.gz has changed since it was written; run the segment stage again"


@pytest.mark.parametrize("content", ["", "{}", json.dumps({"Modality": "CT"})])
def test_a_label_map_whose_note_is_damaged_is_refused_and_never_taken_for_one_of_the_label_set(store, content):
    store.note_path("s1").write_text(content)

    assert refused(Predictions("mine", store.folder, ORGANS)) == (
        "unreadable",
        "prediction: s1.json is no note of this store: damaged, or another's",
    )


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii"])
def test_a_folder_without_notes_has_label_maps_in_the_numbers_of_the_label_set(tmp_path, suffix):
    save(tmp_path / f"s1{suffix}", labels())

    found = Predictions("theirs", tmp_path, ORGANS).read("s1")

    assert found.labels == ORGANS.label_of
    np.testing.assert_array_equal(found.volume.data, labels())


def test_a_folder_may_hold_a_folder_of_masks_per_scan(tmp_path):
    save_masks(tmp_path / "s1", {"heart": labels() == 1, "spleen": labels() == 2})

    found = Predictions("theirs", tmp_path, ORGANS).read("s1")

    assert found.labels == {"spleen": 1, "heart": 3}
    np.testing.assert_array_equal(found.volume.data == 3, labels() == 1)


def test_a_prediction_that_is_not_there_is_told(tmp_path):
    assert refused(Predictions("theirs", tmp_path, ORGANS)) == (
        "missing_file",
        "prediction: s1.nii.gz does not exist",
    )


def test_numbers_that_the_label_set_does_not_name_are_refused(tmp_path):
    save(tmp_path / "s1.nii.gz", labels(highest=4))

    reason, detail = refused(Predictions("theirs", tmp_path, ORGANS))

    assert reason == "unknown_labels"
    assert detail.startswith("prediction: s1.nii.gz has labels 4")


def test_a_map_of_an_earlier_run_is_no_prediction_of_a_scan_that_failed_since(store):
    failed = segments(s1=("bad_values", "all voxels have the same value"))
    silent = segments(s1=("missing_file", None))

    assert refused(Predictions("mine", store.folder, ORGANS, failed)) == (
        "bad_values",
        "prediction: all voxels have the same value",
    )
    assert refused(Predictions("mine", store.folder, ORGANS, silent)) == (
        "missing_file",
        "prediction: has no label map",
    )


def test_a_scan_that_the_study_does_not_have_is_told(store):
    others = segments(s2=("segmented", None))

    assert refused(Predictions("mine", store.folder, ORGANS, others)) == (
        "missing_file",
        "prediction: the study has no such scan",
    )


def test_a_scan_that_the_study_segmented_is_read(store):
    found = Predictions("mine", store.folder, ORGANS, segments(s1=("existing", None))).read("s1")

    assert found.labels == {"liver": 1, "spleen": 3}
