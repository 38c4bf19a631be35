import dataclasses

import numpy as np
import pandas as pd
import pytest
from matplotlib import cbook

from ctpop.figures.association import (
    StructureFinding,
    age_ranges,
    age_spans,
    box_of,
    box_table,
    cut_points,
    findings_of,
    kruskal_lines,
    letters_of,
    spearman_lines,
)
from support import study_tables


def finding(values=(), quartiles=(), differing=(), association=None, groups=None, patients=None):
    numbers = range(len(values)) if patients is None else patients
    columns = {"value": list(values), "quartile": list(quartiles), "patient": list(numbers)}
    points = pd.DataFrame({"age_years": 50.0, **columns}).astype(
        {"age_years": "float64", "value": "float64", "quartile": "int64", "patient": "int32"}
    )
    return StructureFinding("hip_left", "hu_mean", points, association or {}, groups or {}, frozenset(differing))


@pytest.mark.parametrize("seed", range(5))
def test_a_box_is_the_one_that_matplotlib_draws(seed):
    values = np.random.default_rng(seed).lognormal(0, 1, 41)
    [expected] = cbook.boxplot_stats(values, whis=1.5)

    box = box_of(values)

    assert (box.q1, box.median, box.q3) == pytest.approx((expected["q1"], expected["med"], expected["q3"]))
    assert (box.low, box.high) == (expected["whislo"], expected["whishi"])
    assert box.hidden == len(expected["fliers"])


def test_a_whisker_ends_at_the_last_value_inside_the_fence_not_at_the_fence():
    box = box_of(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 100.0]))

    assert (box.low, box.high, box.hidden) == (1.0, 5.0, 1)


def test_one_value_is_a_box_without_height():
    box = box_of(np.array([7.0]))

    assert (box.n, box.q1, box.median, box.q3, box.low, box.high, box.hidden) == (1, 7, 7, 7, 7, 7, 0)


def test_the_table_of_boxes_has_a_row_for_an_empty_quartile():
    table = box_table(finding([1.0, 2.0, 3.0], [1, 1, 4]))

    assert list(table["quartile"]) == [1, 2, 3, 4]
    assert list(table["n"]) == [2, 0, 0, 1]
    assert table["median"].isna().tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    ("differing", "letters"),
    [
        ([], {}),
        ([(1, 4)], {1: "a", 2: "ab", 3: "ab", 4: "b"}),
        ([(1, 3), (1, 4), (2, 4)], {1: "a", 2: "ab", 3: "bc", 4: "c"}),
        ([(1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4)], {1: "a", 2: "b", 3: "c", 4: "d"}),
    ],
)
def test_quartiles_that_share_no_letter_differ(differing, letters):
    assert letters_of(finding([1, 2, 3, 4], [1, 2, 3, 4], differing)) == letters


def test_letters_show_exactly_the_differences_of_any_result():
    pairs = [(a, b) for a in (1, 2, 3, 4) for b in (2, 3, 4) if a < b]
    for number in range(1, 2 ** len(pairs)):
        differing = {pair for place, pair in enumerate(pairs) if number >> place & 1}
        letters = letters_of(finding([1, 2, 3, 4], [1, 2, 3, 4], differing))
        shown = {(a, b) for a, b in pairs if not set(letters[a]) & set(letters[b])}
        assert shown == differing


def test_ages_of_quartiles_show_the_closed_side_of_the_cut_point():
    assert age_ranges([38.4, 55.0, 71.25], "right_closed") == ["≤ 38.4", "≤ 55", "≤ 71.2", "> 71.2"]
    assert age_ranges([38.4, 55.0, 71.0], "left_closed") == ["< 38.4", "< 55", "< 71", "≥ 71"]
    assert age_ranges([], "right_closed") == ["", "", "", ""]


def test_ages_of_quartiles_with_both_limits():
    cuts = [38.4, 55.0, 71.0]

    assert age_spans(cuts, "right_closed") == ("≤ 38.4", "> 38.4 to 55", "> 55 to 71", "> 71")
    assert age_spans(cuts, "left_closed") == ("< 38.4", "≥ 38.4 to < 55", "≥ 55 to < 71", "≥ 71")
    assert age_spans([], "right_closed") == ("", "", "", "")


def test_statistics_are_printed_as_the_paper_prints_them():
    association = {"rho": -0.612, "ci_low": -0.683, "ci_high": -0.529, "p_rho0": 1e-30}
    groups = {"h": 2515.8, "p": 0.0, "epsilon_squared": 0.63}
    shown = finding([1, 2], [1, 2], association=association, groups=groups)

    assert spearman_lines(shown, 0.95) == ["ρ = −.61; $P$ < .0001", "95% CI: −.68, −.53; n = 2"]
    assert kruskal_lines(shown) == ["Kruskal-Wallis $H$ = 2,516; $P$ < .0001", "ε² = .63; n = 2"]


def test_lines_of_repeated_patients_state_both_numbers_on_a_line_of_their_own():
    found = {"rho": -0.614, "p_rho0": 0.0, "ci_low": -0.7, "ci_high": -0.5}
    tested = {"h": 2516.4, "q": 88.14, "p": 0.0, "epsilon_squared": 0.63}
    shown = finding([1, 2, 3], [1, 1, 2], association=found, groups=tested, patients=[0, 0, 1])

    assert spearman_lines(shown, 0.95, repeated=True)[1:] == ["95% CI: −.70, −.50", "n = 3 scans of 2 patients"]
    test, *others = kruskal_lines(shown, repeated=True)
    assert test == "Score test by patient, $Q$ = 88.1; $P$ < .0001"
    assert others == ["ε² = .63", "n = 3 scans of 2 patients"]
    assert spearman_lines(finding([1], [1]), 0.95, repeated=True)[0] == "n = 1 scan of 1 patient"


def test_the_boxes_count_a_patient_in_each_quartile_of_the_scans():
    table = box_table(finding([1, 2, 3, 4, 5], [1, 1, 1, 2, 4], patients=[0, 0, 1, 1, 2])).set_index("quartile")

    assert table["n"].to_list() == [3, 1, 0, 1]
    assert table["n_patients"].to_list() == [2, 1, 0, 1]


def test_findings_count_the_patients_of_the_values():
    labels = study_tables.label_set()
    patients = study_tables.registry(60).assign(patient_id=[f"p{number // 4}" for number in range(60)])
    patients.loc[0, "patient_id"] = None  # counted as a different patient
    tables = study_tables.study(patients, labels)
    ages = patients[["scan_id", "patient_id", "age_years", "sex"]].assign(quartile=1)

    findings = findings_of(ages, tables["analysis"], tables, labels.names, 0.0001)

    assert findings["organ_1", "volume_ml"].n_patients == 16
    for row in tables["associations"].itertuples():
        assert (findings[row.structure, row.measure].n_patients, row.n) == (row.n_patients, 60)


def test_without_results_n_is_printed_and_that_there_are_none():
    assert spearman_lines(finding(), 0.95) == ["n = 0", "Correlation not computed"]
    assert kruskal_lines(finding()) == ["n = 0", "Test of age groups not computed"]


def test_findings_contain_the_values_and_results_of_the_tables():
    patients, labels = study_tables.registry(60), study_tables.label_set()
    tables = study_tables.study(patients, labels)
    ages = patients[["scan_id", "age_years", "sex"]].assign(quartile=1)

    findings = findings_of(ages, tables["analysis"], tables, labels.names, 0.0001)

    assert len(findings) == 2 * len(labels.names)
    for row in tables["associations"].itertuples():
        found = findings[row.structure, row.measure]
        assert found.n == row.n
        assert found.association["rho"] == row.rho
    below = tables["posthoc"].loc[tables["posthoc"]["p"] < 0.0001]
    assert sum(len(found.differing) for found in findings.values()) == len(below) > 0


def test_a_structure_without_values_has_an_empty_finding():
    patients, labels = study_tables.registry(20), study_tables.label_set()
    tables = study_tables.study(patients, labels, failed=dict.fromkeys(patients["scan_id"], "unreadable"))
    ages = patients[["scan_id", "age_years", "sex"]].assign(quartile=1)

    findings = findings_of(ages, tables["analysis"], tables, labels.names, 0.0001)

    assert {found.n for found in findings.values()} == {0}
    assert dataclasses.asdict(findings["organ_1", "volume_ml"])["differing"] == frozenset()


def test_cut_points_are_those_of_the_cohort_or_none():
    tables = study_tables.study(study_tables.registry(60), study_tables.label_set())

    assert cut_points(tables["groups"]) == tables["groups"].loc[0, ["cut_1", "cut_2", "cut_3"]].tolist()
    assert cut_points(tables["groups"].assign(cut_1=np.nan)) == []
