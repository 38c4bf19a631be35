"""Tests of plausibility checks, which report values that are implausible for the name of their structure."""

import numpy as np
import pandas as pd
import pytest

from ctpop.imaging.images import read_ct, read_labels
from ctpop.stages.measure.command import typed
from ctpop.stages.measure.scan_measures import How, measure_structures
from ctpop.stages.report.implausible_structures import sentences, sentences_on_scans
from ctpop.stages.screen import plausibility
from ctpop.stages.screen.rows import numbered
from ctpop.study import label_sets
from ctpop.study.implausible_scans import implausible_scans
from support.real_data import ABDOMEN

LIVER = {"structure": "liver", "volume_ml": 1500.0, "hu_mean": 100.0}


def found(*scans, label_set="paper_104", **limits):
    """Return the tables `plausibility` (by structure) and `implausible_values` for rows of scans."""
    rows = pd.DataFrame([{"scan_id": f"s{k:03d}", "status": "measured", **scan} for k, scan in enumerate(scans)])
    labels = label_sets.read(label_set)
    labels = label_sets.LabelSet(labels.name, labels.table.assign(**limits))
    measured = numbered(typed(rows))
    table = plausibility.plausibility_table(measured, labels, share=0.25)
    return table.set_index("structure"), plausibility.implausible_values(measured, labels)


def test_plausible_values_are_not_reported():
    table, values = found(LIVER, LIVER)

    assert table.loc["liver", ["finding", "n_volumes", "n_attenuations"]].tolist() == ["plausible", 2, 2]
    assert table.loc["spleen", "finding"] == "not_assessable"
    assert values.empty
    assert sentences(table.reset_index()) == []


def test_the_patients_of_implausible_values_are_counted_once():
    scans = [LIVER, LIVER | {"hu_mean": -700.0}, LIVER | {"hu_mean": -700.0}, LIVER]
    rows = pd.DataFrame([{"scan_id": f"s{k}", "status": "measured", **scan} for k, scan in enumerate(scans)])
    cohort = pd.DataFrame({"scan_id": [f"s{k}" for k in range(4)], "patient_id": ["p", "p", "p", None]})
    labels = label_sets.read("paper_104")

    table = plausibility.plausibility_table(numbered(typed(rows)), labels, 0.25, cohort).set_index("structure")

    sizes = table.loc["liver", ["n_attenuations", "n_patients_attenuations"]].to_list()
    below = table.loc["liver", ["n_attenuations_below", "n_patients_attenuations_below"]].to_list()
    assert (sizes, below) == ([4, 2], [2, 1])
    assert table.loc["spleen", ["n_volumes", "n_patients_volumes"]].to_list() == [0, 0]
    alone = plausibility.plausibility_table(numbered(typed(rows)), labels, 0.25).set_index("structure")
    assert alone.loc["liver", "n_patients_attenuations_below"] == 2


@pytest.mark.parametrize("hu", [-700.0, 1129.0])
def test_attenuation_of_another_tissue_is_reported_from_one_quarter(hu):
    wrong = LIVER | {"hu_mean": hu}

    few, _ = found(wrong, *[LIVER] * 4)
    many, values = found(wrong, *[LIVER] * 3)

    assert [few.loc["liver", "finding"], many.loc["liver", "finding"]] == ["plausible", "attenuation"]
    assert values[["scan_id", "structure", "measure", "value"]].values.tolist() == [["s000", "liver", "hu_mean", hu]]
    assert sentences(many.reset_index())[0].startswith(
        "The values of 1 of 1 structures are implausible for their names: liver (attenuation)."
    )


@pytest.mark.parametrize(("n_small", "finding"), [(2, "plausible"), (3, "volume")])
def test_volumes_below_the_lower_bound_are_reported_if_most_are_below(n_small, finding):
    table, _ = found(*[LIVER | {"volume_ml": 20.0}] * n_small, *[LIVER] * 2)

    assert table.loc["liver", "finding"] == finding


def test_volumes_above_the_upper_bound_are_reported():
    table, values = found({"structure": "aorta", "volume_ml": 4700.0}, upper_bound_ml=4000.0)

    assert table.loc["aorta", ["finding", "n_volumes_above"]].tolist() == ["volume", 1]
    assert values.loc[0, ["value", "high"]].tolist() == [4700, 4000]


ORGANS = ("liver", "spleen", "kidney_left", "kidney_right", "pancreas", "aorta", "gallbladder", "stomach")


@pytest.mark.parametrize(("n_wrong", "reported"), [(4, []), (5, ["s000"]), (7, ["s000"])])
def test_a_scan_with_implausible_values_in_many_structures_is_reported(n_wrong, reported):
    hu = [{"scan_id": "s000", "structure": name, "hu_mean": 40.0} for name in ORGANS]
    wrong = [row | {"hu_mean": -600.0} for row in hu[:n_wrong]] + hu[n_wrong:]
    sound = [row | {"scan_id": f"s{k:03d}"} for k in range(1, 9) for row in hu]

    _, values = found(*wrong, *sound)

    assert values["scan_id"].value_counts().to_dict() == {"s000": n_wrong}
    assert set(values["scan_share"]) == {n_wrong / len(ORGANS)}
    assert implausible_scans(values, share=0.25) == reported
    assert (sentences_on_scans(reported) == []) == (reported == [])


def test_a_scan_with_a_small_share_of_implausible_values_is_not_reported():
    names = list(plausibility.limits_of(label_sets.read("paper_104")).dropna(subset="hu_mean_low").index)
    rows = [{"structure": name, "hu_mean": -900.0 if k < 5 else 40.0, "scan_id": "s1"} for k, name in enumerate(names)]

    _, values = found(*rows)
    share = float(values["scan_share"].iloc[0])

    assert share == pytest.approx(len(values) / len(names))
    assert implausible_scans(values, share=share + 0.01) == []
    assert implausible_scans(values, share=share) == ["s1"]


@pytest.mark.parametrize("cut", [{"faces": "left"}, {"border_voxels": 3}])
def test_volumes_at_a_border_of_the_image_are_not_compared(cut):
    table, _ = found(LIVER | {"volume_ml": 20.0} | cut)

    assert table.loc["liver", ["finding", "n_volumes", "n_attenuations"]].tolist() == ["plausible", 0, 1]


def test_attenuation_of_small_volumes_and_next_to_padding_is_not_compared():
    table, _ = found({**LIVER, "volume_ml": 0.5, "hu_mean": -500.0}, {**LIVER, "padding_share": 0.1, "hu_mean": -500.0})

    assert table.loc["liver", "n_attenuations"] == 0


def measured_abdomen(label_set):
    """Return the measures of a real abdomen with labels of `paper_104`, under the names of a label set."""
    labels = read_labels(ABDOMEN / "segmentation_v1_104.nii.gz")
    hu = read_ct(ABDOMEN / "ct.nii.gz").data
    rows = measure_structures(labels.data, hu, labels.grid, label_set.label_of, How(3, 0)).rows
    return numbered(typed(rows.assign(scan_id="abdomen", status="measured", padding_share=0.0)))


def test_a_real_label_map_is_plausible_under_its_own_names():
    labels = label_sets.read("paper_104")

    table = plausibility.plausibility_table(measured_abdomen(labels), labels, share=0.25)

    assert table["finding"].value_counts().to_dict() == {"plausible": 57, "not_assessable": 47}


def test_names_of_another_version_are_reported_with_the_correct_names():
    labels = label_sets.read("total_117")

    table = plausibility.plausibility_table(measured_abdomen(labels), labels, share=0.25).set_index("structure")

    assert table.loc["lung_upper_lobe_left", ["finding", "suggestion"]].tolist() == ["both", "pancreas in paper_104"]
    assert table["suggestion"].notna().sum() == table["finding"].isin(("volume", "attenuation", "both")).sum() > 10
    assert "pancreas in paper_104" not in sentences(table.reset_index())[1]
    assert "colon may be vertebrae_L3 in paper_104" in sentences(table.reset_index())[1]


def test_labels_shifted_by_one_are_reported_with_the_correct_names():
    labels = label_sets.read("paper_104")
    rows = measured_abdomen(labels).measures
    number = rows["structure"].map(labels.label_of)
    names = {
        label + 1: name for name, label in labels.label_of.items()
    }  # each structure has the name of the preceding label
    shifted = rows.assign(structure=number.map({label: names.get(label, "skull") for label in number}))
    shifted = shifted.drop_duplicates(["scan_id", "structure"])

    table = plausibility.plausibility_table(numbered(shifted), labels, share=0.25)

    suggested = table["suggestion"].dropna()
    assert len(suggested) >= 5
    assert np.all(suggested.str.endswith("(label +1)") | suggested.str.endswith("(label -1)"))
