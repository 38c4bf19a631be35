"""Tests of the check of recorded contrast administration against the attenuation of vessels and kidneys."""

import numpy as np
import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts import all_tables
from ctpop.stages.screen.contrast import contrast_check
from ctpop.study import configuration
from support.config_files import config_option

CHOSEN = configuration.section("cohort", None)
STRUCTURES = ("aorta", "kidney_left", "kidney_right", "portal_vein_and_splenic_vein", "liver")


def tables(*scans):
    """Return the cohort, measures, and verdicts of scans, given as (contrast, HU by structure, reason by structure)."""
    names = [f"s{number}" for number in range(len(scans))]
    recorded = pd.array([scan[0] for scan in scans], dtype="boolean")
    cohort = pd.DataFrame({"scan_id": names, "contrast": recorded}).reindex(columns=list(all_tables.COHORT.columns))
    rows = [
        {
            "scan_id": name,
            "structure": structure,
            "status": "measured",
            "n_voxels": 100,
            "volume_ml": scan[1].get(f"{structure} ml", 100.0),
            "hu_mean": scan[1].get(structure, np.nan),
            "reason": (scan[2] if len(scan) > 2 else {}).get(structure, "ok"),
        }
        for name, scan in zip(names, scans, strict=True)
        for structure in STRUCTURES
    ]
    frame = pd.DataFrame(rows)
    verdicts = frame.assign(rule_reason="ok", usable_volume=True, usable_hu=True)
    return (
        all_tables.COHORT.check(cohort.astype({"contrast": "boolean"})),
        all_tables.MEASURES_TABLE.check(
            frame.drop(columns="reason").reindex(columns=list(all_tables.MEASURES_TABLE.columns))
        ),
        all_tables.VERDICTS.check(verdicts.reindex(columns=list(all_tables.VERDICTS.columns))),
    )


def checked(*scans):
    return contrast_check(*tables(*scans), CHOSEN)


def hu(aorta=np.nan, kidneys=np.nan, portal=np.nan):
    return dict(zip(STRUCTURES, (aorta, kidneys, kidneys, portal), strict=False))


@pytest.mark.parametrize(
    ("attenuation", "looks"),
    [
        (hu(180, 170, 160), "enhanced"),
        (hu(320, 60, 45), "enhanced"),  # arterial phase, before enhancement of the portal vein
        (hu(60, 150, np.nan), "enhanced"),  # late phase, with excretion by the kidneys
        (hu(100), "enhanced"),
        (hu(45, 30, 40), "unenhanced"),
        (hu(69.9), "unenhanced"),
        (hu(70), "unclear"),
        (hu(99.9, 40, 40), "unclear"),
        (hu(np.nan, 30, 40), "unclear"),  # a kidney without function is also not enhanced
        (hu(), "not_measured"),
    ],
)
def test_enhancement_is_determined_by_two_limits(attenuation, looks):
    assert checked((True, attenuation))["looks"].to_list() == [looks]


def test_agreement_of_recorded_contrast_and_attenuation():
    found = checked((True, hu(180)), (False, hu(180)), (True, hu(40)), (False, hu(40)), (None, hu(40)), (True, hu(85)))

    assert found["agrees"].astype(object).where(found["agrees"].notna(), None).to_list() == [
        *(True, False, False, True, None, None)
    ]


def test_attenuation_of_the_kidneys_is_weighted_by_volume():
    attenuation = {"kidney_left": 200.0, "kidney_right": 100.0, "kidney_left ml": 30.0, "kidney_right ml": 10.0}

    assert checked((True, attenuation))["kidneys_hu"].to_list() == [175.0]


def test_a_truncated_vessel_is_used_and_a_failed_vessel_is_not():
    found = checked(
        (True, hu(180), {"aorta": "truncated"}),
        (True, hu(180), {"aorta": "below_bound"}),
        (True, hu(180), {"aorta": "reviewer_excluded"}),
        (True, hu(180), {"aorta": "reviewer_kept"}),
    )

    assert found["looks"].to_list() == ["enhanced", "not_measured", "not_measured", "enhanced"]


def test_scans_without_the_structures_have_a_row():
    cohort, measures, verdicts = tables((True, hu(180)), (False, hu(180)))
    only_liver = measures["structure"].eq("liver")

    found = contrast_check(cohort, measures[only_liver], verdicts[only_liver], CHOSEN)

    assert found["looks"].to_list() == ["not_measured"] * 2
    assert found["agrees"].isna().all()


def test_the_command_lists_all_scans(tmp_path):
    cohort, measures, verdicts = tables((True, hu(180)), (True, hu(40)), (None, hu()))
    for table, frame in (
        (all_tables.COHORT, cohort),
        (all_tables.MEASURES_TABLE, measures),
        (all_tables.VERDICTS, verdicts),
    ):
        table.write(frame, tmp_path / f"{table.name}.parquet")
    files = [
        word for name in ("cohort", "measures", "verdicts") for word in (f"--{name}", f"{tmp_path}/{name}.parquet")
    ]
    limits = config_option(cohort={"contrast_unenhanced_below_hu": 30})

    assert main(["contrast", *files, "--out", str(tmp_path / "one.parquet")]) == 0
    assert main(["contrast", *files, *limits, "--out", str(tmp_path / "two.parquet")]) == 0

    found = [all_tables.CONTRAST_CHECK.read(tmp_path / f"{name}.parquet")["looks"].to_list() for name in ("one", "two")]
    assert found == [["enhanced", "unenhanced", "not_measured"], ["enhanced", "unclear", "not_measured"]]
