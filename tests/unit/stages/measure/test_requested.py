"""Tests of label maps without names: structures that were possibly not requested are not recorded as absent."""

import pandas as pd
import pytest

from ctpop.contracts.all_tables import MEASURES_TABLE
from ctpop.imaging.hu_scale import MEANINGS
from ctpop.stages.measure import gather
from ctpop.stages.measure.command import typed
from ctpop.stages.measure.requested import without_unrequested

NAMES = ["liver", "spleen", "brain", "autochthon_left", "autochthon_right", "vertebrae_L1", "vertebrae_L2"]
SPINE = ("autochthon_left", "autochthon_right", "vertebrae_L2")


def scan(*present, scan_id="a", label_names="label_set"):
    """Return measures of a scan whose label map contains these structures."""
    voxels = [10 if name in present else 0 for name in NAMES]
    values = {"n_voxels": voxels, "volume_ml": [n / 10 for n in voxels], "border_voxels": 0, "label_names": label_names}
    return typed(pd.DataFrame({"scan_id": scan_id, "structure": NAMES, "status": "measured", **values}))


def statuses(rows):
    return dict(zip(rows["structure"], rows["status"], strict=True))


@pytest.mark.parametrize(
    "present", [("liver",), ("liver", "vertebrae_L2"), ("liver", "autochthon_left", "vertebrae_L1")]
)
def test_a_trunk_without_spine_or_back_muscles_is_incomplete(present):
    rows = without_unrequested(scan(*present))

    assert statuses(rows) == {name: "measured" if name in present else "not_requested" for name in NAMES}
    absent = rows[rows["status"] == "not_requested"]
    assert absent[["n_voxels", "volume_ml", "border_voxels"]].isna().all(axis=None)
    assert rows.loc[rows["status"] == "measured", "volume_ml"].eq(1).all()


@pytest.mark.parametrize("present", [("liver", *SPINE), ("brain",), ()])
def test_absent_structures_of_a_complete_label_map_are_measured(present):
    rows = scan(*present)

    pd.testing.assert_frame_equal(without_unrequested(rows), rows)


def gathered(tmp_path, *shards, most=1000):
    files = [tmp_path / f"{number}.parquet" for number in range(len(shards))]
    for rows, file in zip(shards, files, strict=True):
        MEASURES_TABLE.write(rows, file)
    whole = tmp_path / "measures.parquet"
    gather.gather(MEASURES_TABLE, files, whole, most, gather.amendment(MEASURES_TABLE, files))
    return MEASURES_TABLE.read(whole)


@pytest.mark.parametrize("most", [1000, 8])
def test_a_structure_in_no_label_map_without_names_is_not_requested(tmp_path, most):
    shards = [scan("liver", *SPINE, scan_id="a"), scan("spleen", *SPINE, scan_id="b")]

    found = gathered(tmp_path, *shards, most=most).set_index(["scan_id", "structure"])

    assert set(found.index[found["status"] == "not_requested"]) == {
        (name, structure) for name in "ab" for structure in ("brain", "vertebrae_L1")
    }
    assert found.loc[("a", "spleen"), ["status", "volume_ml"]].tolist() == ["measured", 0]
    assert found.loc[("a", "brain"), "volume_ml"] is pd.NA or pd.isna(found.loc[("a", "brain"), "volume_ml"])


def test_absent_structures_of_a_named_label_map_are_measured(tmp_path):
    shards = [scan("liver", *SPINE, scan_id="a"), scan("liver", *SPINE, scan_id="b", label_names="producer")]

    found = gathered(tmp_path, *shards).set_index(["scan_id", "structure"])

    assert found.loc[("b", "brain"), ["status", "volume_ml"]].tolist() == ["measured", 0]
    assert found.loc[("a", "brain"), "status"] == "not_requested"


def test_assumptions_are_logged_once(tmp_path, caplog):
    named, unnamed = scan("liver", label_names="producer"), scan("liver", *SPINE, scan_id="b")
    shards = [pd.concat([named.assign(hu_scale="uncertain"), unnamed], ignore_index=True), scan(*NAMES, scan_id="c")]

    gathered(tmp_path, *shards)

    assert [message for message in caplog.messages if "first" in message] == [
        f"{MEANINGS['uncertain']}; the values are used as HU (affected scans: 1, first a)",
        "the label map contains no structure names; its label numbers are interpreted as those of the label set"
        " (affected scans: 2, first b)",
    ]
