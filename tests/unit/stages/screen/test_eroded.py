"""Tests of the values of attenuation without the surface layer, which the sensitivity analysis compares."""

import numpy as np
import pandas as pd
import pytest

from ctpop.contracts.all_tables import ANALYSIS_SETS
from ctpop.stages.screen import command as screen
from ctpop.stages.screen.analysis_sets import write_sets
from ctpop.stages.screen.eroded import eroded_values
from ctpop.stages.screen.groups import Groups
from ctpop.stages.screen.rows import numbered
from ctpop.study import rule_sets
from support.evidence import altered, facts, intact_cohort


def a_cohort():
    frame = intact_cohort()
    voxels = pd.Series(np.arange(len(frame)) % 50 + 1, dtype="Int64")
    frame = frame.assign(eroded_voxels=voxels, hu_mean_eroded=frame["hu_mean"] + 2 + np.arange(len(frame)) % 3)
    frame = altered(frame, "s001", "liver", eroded_voxels=0, hu_mean_eroded=None)
    return altered(frame, "s002", "liver", faces="left")  # truncated: the attenuation is not usable with strict rules


def found_in(frame, rules="strict"):
    return screen.screened(numbered(frame), rule_sets.read(rules), facts())


def test_eroded_values_are_those_of_usable_attenuation():
    frame = a_cohort()
    found = found_in(frame)
    values = eroded_values(found.rows, found.final.usable(found.rows, "hu_mean"), Groups({}, 1.0))
    livers = values[values["structure"].eq("liver")].set_index("scan_id")["value"]
    expected = frame[frame["structure"].eq("liver")].set_index("scan_id")["hu_mean_eroded"]
    assert set(values["measure"]) == {"hu_mean"}
    assert {"s001", "s002"}.isdisjoint(livers.index)
    assert len(livers) == len(expected) - 2
    assert livers.to_dict() == pytest.approx(expected[list(livers.index)].to_dict())


def test_a_group_has_the_mean_of_the_eroded_voxels_of_its_members():
    frame = a_cohort()
    found = found_in(frame)
    names = sorted(set(frame["structure"]))[:2]
    usable = found.final.usable(found.rows, "hu_mean")
    values = eroded_values(found.rows, usable, Groups({"both": names}, 1.0))
    of_scan = frame[frame["scan_id"].eq("s005") & frame["structure"].isin(names)]
    weights = of_scan["eroded_voxels"].to_numpy(float)
    expected = weights @ of_scan["hu_mean_eroded"].to_numpy(float) / weights.sum()
    [found_value] = values.loc[values["structure"].eq("both") & values["scan_id"].eq("s005"), "value"]
    assert found_value == pytest.approx(expected)


def test_eroded_values_follow_the_rule_sets_in_the_file(tmp_path):
    path = tmp_path / "sets.parquet"
    write_sets(screen.compared_sets(found_in(a_cohort()), facts()), path)
    assert list(dict.fromkeys(pd.read_parquet(path)["rules"])) == ["none", "paper", "strict", "study", "eroded"]


def test_a_study_without_erosion_has_no_eroded_values(tmp_path):
    path = tmp_path / "sets.parquet"
    write_sets(screen.compared_sets(found_in(intact_cohort()), facts()), path)
    assert len(ANALYSIS_SETS.read(path))
    assert "eroded" not in set(ANALYSIS_SETS.read(path)["rules"])
