"""Tests of the table `analysis_sets`, a compact file whose rule sets can be read separately."""

import pandas as pd
import pytest
from pyarrow import parquet

from ctpop.contracts.all_tables import ANALYSIS, ANALYSIS_SETS, RULE_SETS
from ctpop.stages.screen import command as screen
from ctpop.stages.screen.analysis_sets import write_sets
from ctpop.stages.screen.rows import numbered
from ctpop.study import rule_sets
from support.evidence import altered, decisions, facts, intact_cohort


def altered_cohort():
    frame = altered(intact_cohort(), "s001", "liver", faces="left")
    frame = altered(frame, "s002", "liver", volume_ml=5.0)
    frame = altered(frame, "s003", "liver", largest_share=0.2)
    return altered(frame, "s005", "liver", volume_ml=0.0, hu_mean=None)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Write the sets of a study with the standard rules, in which a reviewer keeps a liver below its bound."""
    path = tmp_path_factory.mktemp("sets") / "analysis_sets.parquet"
    rows, review = numbered(altered_cohort()), decisions(("s002", "liver", "keep"))
    found = screen.screened(rows, rule_sets.read("standard"), facts(), review)
    write_sets(screen.compared_sets(found, facts()), path)
    return path, ANALYSIS.check(screen.analysis_of(rows, found.final))


def livers(path, rules):
    values = pd.read_parquet(path, filters=[("rules", "==", rules)])
    return set(values.loc[values["structure"].eq("liver") & values["measure"].eq("volume_ml"), "scan_id"])


def test_the_sets_match_their_contract_and_are_sorted(written):
    raw = pd.read_parquet(written[0])

    pd.testing.assert_frame_equal(ANALYSIS_SETS.check(raw), raw.astype(dict.fromkeys(raw.columns[:-1], "str")))


@pytest.mark.parametrize(
    ("rules", "excluded"),
    [
        ("none", {"s005"}),
        ("paper", {"s005", "s002"}),
        ("strict", {"s005", "s002", "s001", "s003"}),
        ("study", {"s005", "s001"}),
    ],
)
def test_each_set_contains_the_values_that_its_rules_do_not_exclude(written, rules, excluded):
    all_scans = {f"s{number:03d}" for number in range(40)}

    assert all_scans - livers(written[0], rules) == excluded


def test_the_set_of_the_study_equals_the_analysis(written):
    path, analysis = written

    study = pd.read_parquet(path, filters=[("rules", "==", "study")]).drop(columns="rules")

    pd.testing.assert_frame_equal(ANALYSIS.check(study), analysis)


def test_a_set_is_a_row_group_and_text_is_stored_once(written):
    file = parquet.ParquetFile(written[0])

    assert file.num_row_groups == len(RULE_SETS) == 4
    for column in range(4):
        assert "RLE_DICTIONARY" in file.metadata.row_group(0).column(column).encodings


def test_equal_values_result_in_equal_bytes(written, tmp_path):
    rows, review = numbered(altered_cohort()), decisions(("s002", "liver", "keep"))
    found = screen.screened(rows, rule_sets.read("standard"), facts(), review)

    write_sets(screen.compared_sets(found, facts()), tmp_path / "again.parquet")

    assert (tmp_path / "again.parquet").read_bytes() == written[0].read_bytes()


def test_a_study_without_values_has_empty_sets(tmp_path):
    found = screen.screened(numbered(intact_cohort().head(0)), rule_sets.read("strict"), facts())

    write_sets(screen.compared_sets(found, facts()), tmp_path / "empty.parquet")

    assert len(ANALYSIS_SETS.read(tmp_path / "empty.parquet")) == 0
