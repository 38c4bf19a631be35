"""Tests of groups of structures: the volume requires all members, and the attenuation the usable members."""

import numpy as np
import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts.all_tables import ANALYSIS, GROUP_MEMBERS, GROUP_VALUES, MEASURES_TABLE
from ctpop.foundation.errors import ContractError
from ctpop.stages.screen.groups import Groups, group_values, with_groups
from ctpop.stages.screen.rows import numbered
from ctpop.stages.screen.usable_values import usable_values
from ctpop.study import configuration as settings
from ctpop.study import label_sets
from support.config_files import config_option
from support.volumes import label_set

KIDNEYS = {"kidneys": ["kidney_left", "kidney_right"]}
LEFT, RIGHT = {"volume_ml": 150.0, "hu_mean": 180.0}, {"volume_ml": 50.0, "hu_mean": 100.0}


def measures(**members):
    """Return the measures of one scan, given by structure."""
    frame = pd.DataFrame([{"scan_id": "s1", "structure": name, **row} for name, row in members.items()])
    return MEASURES_TABLE.check(frame.assign(status="measured").reindex(columns=list(MEASURES_TABLE.columns)))


def combined(groups=None, hu_share=0.5, *, unusable=(), unusable_hu=(), **members):
    """Return (value, members, usable members) for the volume and attenuation of the only group of a scan."""
    rows = numbered(measures(**members))
    names = rows.measures["structure"]
    usable = {
        "volume_ml": (~names.isin(unusable) & rows.measures["volume_ml"].notna()).to_numpy(dtype=bool),
        "hu_mean": (~names.isin([*unusable, *unusable_hu]) & rows.measures["hu_mean"].notna()).to_numpy(dtype=bool),
    }
    table = GROUP_VALUES.check(group_values(rows, usable, Groups(groups or KIDNEYS, hu_share))).set_index("measure")
    return [tuple(table.loc[name, ["value", "n_members", "n_usable"]]) for name in ("volume_ml", "hu_mean")]


def test_volume_is_the_sum_and_attenuation_the_mean_of_all_voxels():
    volume, hu = combined(kidney_left=LEFT, kidney_right=RIGHT)

    assert volume == (200.0, 2, 2)
    assert hu == (160.0, 2, 2)  # (150 * 180 + 50 * 100) / 200


def test_volume_requires_all_members_and_attenuation_half_of_them():
    volume, hu = combined(kidney_left=LEFT, kidney_right=RIGHT, unusable=["kidney_left"])

    assert np.isnan(volume[0])
    assert volume[1:] == (2, 1)
    assert hu == (100.0, 2, 1)


@pytest.mark.parametrize(("n_failed", "has_hu"), [(1, True), (12, True), (13, False), (24, False)])
def test_failed_ribs_exclude_the_volume_and_then_the_attenuation(n_failed, has_hu):
    ribs = label_sets.read("total_117").groups["ribs"]
    rows = {name: {"volume_ml": 10.0, "hu_mean": float(number)} for number, name in enumerate(ribs)}

    volume, hu = combined({"ribs": ribs}, unusable=ribs[:n_failed], **rows)

    assert len(ribs) == 24
    assert np.isnan(volume[0])
    assert hu[1:] == (24, 24 - n_failed)
    assert hu[0] == pytest.approx((n_failed + 23) / 2) if has_hu else np.isnan(hu[0])


def test_all_24_ribs_have_a_volume():
    ribs = label_sets.read("total_117").groups["ribs"]

    volume, _ = combined({"ribs": ribs}, **{name: {"volume_ml": 10.0, "hu_mean": 1.0} for name in ribs})

    assert volume == (240.0, 24, 24)


def test_a_member_without_usable_attenuation_is_part_of_the_volume():
    volume, hu = combined(kidney_left=LEFT, kidney_right=RIGHT, unusable_hu=["kidney_left"])

    assert volume == (200.0, 2, 2)
    assert hu == (100.0, 2, 1)


def test_a_member_without_usable_volume_keeps_its_attenuation_and_weight():
    rows = numbered(measures(kidney_left=LEFT, kidney_right=RIGHT))
    usable = {"volume_ml": np.array([False, True]), "hu_mean": np.array([True, True])}

    table = group_values(rows, usable, Groups(KIDNEYS, 0.5)).set_index("measure")

    assert table.loc["hu_mean", "value"] == 160.0
    assert np.isnan(table.loc["volume_ml", "value"])


def test_attenuation_without_a_volume_has_no_weight():
    volume, hu = combined(kidney_left={**LEFT, "volume_ml": None}, kidney_right=RIGHT)

    assert np.isnan(volume[0])
    assert hu == (100.0, 2, 1)


def test_without_a_ct_a_group_has_only_a_volume():
    volume, hu = combined(kidney_left={"volume_ml": 150.0}, kidney_right={"volume_ml": 50.0})

    assert volume == (200.0, 2, 2)
    assert np.isnan(hu[0])
    assert hu[1:] == (2, 0)


def test_the_required_proportion_of_members_is_a_setting():
    excluded = {"unusable": ["kidney_left"], "kidney_left": LEFT, "kidney_right": RIGHT}

    assert np.isnan(combined(hu_share=0.51, **excluded)[1][0])
    assert combined(hu_share=0.5, **excluded)[1][0] == 100.0


def test_a_required_proportion_of_0_does_not_create_values():
    hu = combined(hu_share=0.0, unusable=["kidney_left", "kidney_right"], kidney_left=LEFT, kidney_right=RIGHT)[1]

    assert np.isnan(hu[0])
    assert hu[2] == 0


def test_a_structure_without_a_row_is_not_usable():
    volume, hu = combined(kidney_left=LEFT)

    assert np.isnan(volume[0])
    assert hu == (180.0, 2, 1)


def test_the_sacrum_group_is_equal_in_both_label_sets():
    older, newer = ({"sacrum_v1": label_sets.read(name).groups["sacrum_v1"]} for name in ("paper_104", "total_117"))

    one = combined(older, sacrum={"volume_ml": 210.0, "hu_mean": 100.0})
    two = combined(
        newer, sacrum={"volume_ml": 160.0, "hu_mean": 110.0}, vertebrae_S1={"volume_ml": 50.0, "hu_mean": 68.0}
    )

    assert one == [(210.0, 1, 1), (100.0, 1, 1)]
    assert two == [(210.0, 2, 2), (100.0, 2, 2)]


def test_values_of_groups_are_sorted_with_those_of_structures():
    rows = numbered(measures(kidney_left=LEFT, kidney_right=RIGHT, aorta={"volume_ml": 90.0}))
    everything = {name: ~np.isnan(rows.numbers(name)) for name in ("volume_ml", "hu_mean")}

    found = with_groups(
        usable_values(rows, everything), group_values(rows, everything, Groups({**KIDNEYS, "none": ["spleen"]}, 0.5))
    )

    checked = ANALYSIS.check(found)
    assert list(found["structure"]) == list(checked["structure"])
    assert list(checked.itertuples(index=False, name=None)) == [
        ("s1", "aorta", "volume_ml", 90.0),
        ("s1", "kidney_left", "hu_mean", 180.0),
        ("s1", "kidney_left", "volume_ml", 150.0),
        ("s1", "kidney_right", "hu_mean", 100.0),
        ("s1", "kidney_right", "volume_ml", 50.0),
        ("s1", "kidneys", "hu_mean", 160.0),
        ("s1", "kidneys", "volume_ml", 200.0),
    ]


def test_without_groups_or_rows_there_are_no_group_values():
    rows, nothing = numbered(measures(aorta=LEFT)), numbered(MEASURES_TABLE.empty())
    usable = dict.fromkeys(("volume_ml", "hu_mean"), np.array([True]))
    values = usable_values(rows, usable)

    assert len(group_values(rows, usable, Groups({}, 0.5))) == 0
    assert len(group_values(nothing, dict.fromkeys(usable, np.array([], bool)), Groups(KIDNEYS, 0.5))) == 0
    pd.testing.assert_frame_equal(with_groups(values, group_values(rows, usable, Groups({}, 0.5))), values)


# Groups of the label sets


@pytest.mark.parametrize(("name", "n_groups"), [("demo", 8), ("paper_104", 24), ("total_117", 24)])
def test_groups_of_a_label_set_contain_its_structures(name, n_groups):
    found = label_sets.read(name)

    assert len(found.groups) == n_groups
    assert set().union(*found.groups.values()) <= set(found.names)
    assert not set(found.groups) & set(found.names)


@pytest.mark.parametrize(
    ("group", "size"),
    [
        *(("ribs", 24), ("ribs_left", 12), ("ribs_right", 12), ("lungs", 5), ("lung_left", 2), ("lung_right", 3)),
        *(("cervical_vertebrae", 7), ("thoracic_vertebrae", 12), ("lumbar_vertebrae", 5)),
        *((name, 2) for name in ("kidneys", "adrenal_glands", "hips", "femora", "humeri", "clavicles", "scapulae")),
        *((name, 2) for name in ("autochthon", "iliopsoas", "gluteus_maximus", "gluteus_medius", "gluteus_minimus")),
        *((name, 2) for name in ("iliac_arteries", "iliac_veins")),
    ],
)
def test_a_group_has_the_same_members_in_both_label_sets(group, size):
    paper, total = label_sets.read("paper_104").groups[group], label_sets.read("total_117").groups[group]

    assert paper == total
    assert len(set(paper)) == size


def test_groups_of_a_side_contain_only_that_side_and_pairs_both_sides():
    groups = label_sets.read("total_117").groups
    sides = {group: [name.split("_") for name in members] for group, members in groups.items()}

    assert all("left" in words for group in ("ribs_left", "lung_left") for words in sides[group])
    assert all("right" in words for group in ("ribs_right", "lung_right") for words in sides[group])
    for group, members in sides.items():
        if len(members) == 2 and not group.startswith(("lung_", "sacrum")):
            assert sorted(word for words in members for word in words if word in settings.SIDES) == ["left", "right"]


def test_missing_members_of_a_group_are_listed():
    members = GROUP_MEMBERS.check(label_sets.read("demo").group_members).set_index(["group", "structure"])

    lumbar = members.loc["lumbar_vertebrae", "in_label_set"]
    assert lumbar.to_dict() == {f"vertebrae_L{number}": number in (1, 3) for number in range(1, 6)}
    assert "ribs" not in members.index.get_level_values("group")


def test_a_group_with_the_name_of_a_structure_is_omitted():
    assert label_set("lungs", "lung_upper_lobe_left").groups == {"lung_left": ["lung_upper_lobe_left"]}
    assert label_set("liver", "tail").groups == {}


def test_a_misspelled_member_is_rejected(tmp_path):
    path = tmp_path / "groups.csv"
    path.write_text("group,structure\nkidneys,kidney_left\nkidneys,kidney_rigth\n", encoding="utf-8")

    with pytest.raises(ContractError, match=r"groups\.csv: no label set contains kidney_rigth \(group kidneys\)"):
        settings.groups_of(["kidney_left"], path)


# The command


def screened(folder, **settings):
    """Screen the left kidney, right kidney, and liver of two scans, and return the tables."""
    rows = [
        {"scan_id": scan, "structure": name, "faces": faces, "volume_ml": volume, "hu_mean": hu}
        for scan, name, faces, volume, hu in [
            ("s1", "kidney_left", None, 150.0, 180.0),
            ("s1", "kidney_right", None, 50.0, 100.0),
            ("s1", "liver", None, 1500.0, 60.0),
            ("s2", "kidney_left", "inferior", 150.0, 180.0),
            ("s2", "kidney_right", None, 50.0, 100.0),
            ("s2", "liver", None, 1400.0, 50.0),
        ]
    ]
    frame = pd.DataFrame(rows).assign(status="measured", n_voxels=100)
    MEASURES_TABLE.write(frame.reindex(columns=list(MEASURES_TABLE.columns)), folder / "measures.parquet")
    label_set("kidney_left", "kidney_right", "liver").table.to_csv(folder / "labels.csv", index=False)
    names = ("verdicts", "analysis", "group_members", "group_values", "analysis_sets")
    out = [word for name in names for word in (f"--{name.replace('_', '-')}", str(folder / f"{name}.parquet"))]
    files = ["--measures", str(folder / "measures.parquet"), "--structures", str(folder / "labels.csv")]
    assert main(["screen", *files, *config_option(screen=settings), *out]) == 0
    return {name: pd.read_parquet(folder / f"{name}.parquet") for name in names}


def test_group_values_are_written_and_used_in_the_statistics(tmp_path, caplog):
    with caplog.at_level("INFO"):
        tables = screened(tmp_path)

    assert tables["group_members"].to_numpy().tolist() == [
        ["kidneys", "kidney_left", True],
        ["kidneys", "kidney_right", True],
    ]
    found = GROUP_VALUES.check(tables["group_values"]).set_index(["scan_id", "measure"])
    assert found["value"].to_dict() == pytest.approx(
        {
            ("s1", "volume_ml"): 200.0,
            ("s1", "hu_mean"): 160.0,
            ("s2", "volume_ml"): np.nan,
            ("s2", "hu_mean"): 100.0,
        },
        nan_ok=True,
    )
    assert found["n_usable"].to_dict() == {
        ("s1", "volume_ml"): 2,
        ("s1", "hu_mean"): 2,
        ("s2", "volume_ml"): 1,
        ("s2", "hu_mean"): 1,
    }
    analysis = ANALYSIS.check(tables["analysis"])
    assert analysis.query("structure == 'kidneys'")[["scan_id", "measure", "value"]].to_numpy().tolist() == [
        ["s1", "hu_mean", 160.0],
        ["s1", "volume_ml", 200.0],
        ["s2", "hu_mean", 100.0],
    ]
    assert "groups of structures: 1, values of groups: 3" in caplog.messages
    assert caplog.messages[-1].endswith("; values of structures for the statistics: 10")


def test_group_values_are_computed_for_each_rule_set(tmp_path):
    sets = screened(tmp_path)["analysis_sets"].query("structure == 'kidneys'").astype({"rules": str})

    assert sets.groupby("rules").size().to_dict() == {"none": 4, "paper": 4, "strict": 3, "study": 3}


def test_the_configuration_sets_the_required_proportion_of_members(tmp_path):
    found = screened(tmp_path, group_hu_share=0.6)["group_values"]

    assert found.loc[found["scan_id"].eq("s2"), "value"].isna().all()
