"""Source data of each figure: numbers add up, and every scan is counted."""

import numpy as np
import pandas as pd
import pytest

from ctpop.contracts.all_tables import FLOW_REASONS
from ctpop.figures import (
    age_by_sex,
    asymmetry,
    by_sex,
    centiles,
    failures,
    flow,
    heatmap,
    published,
    sensitivity,
    spearman_overview,
    structure_flow,
    truth,
)
from ctpop.figures.association import StructureFinding
from ctpop.figures.formatting import scans_and_patients
from ctpop.figures.label_placement import apart
from ctpop.figures.structure_rows import count_heading, count_room, has_repeats
from ctpop.figures.style import SMALL, width_of
from ctpop.study import label_sets
from support import study_tables
from support.evidence import decisions


def registry_with_gaps(n=60, sexes=("female", "male", None)):
    patients = study_tables.registry(n, sexes=sexes)
    patients.loc[0, "age_years"] = float("nan")
    patients.loc[1:2, "complete"] = False
    patients.loc[3, "contrast"] = False
    patients.loc[4, "contrast"] = pd.NA
    return patients


@pytest.fixture(scope="module")
def labels():
    return study_tables.label_set(n_pairs=5, n_single=4)


@pytest.fixture(scope="module")
def tables(labels):
    return study_tables.study(registry_with_gaps(), labels, failed={"s0010": "unreadable", "s0011": "out_of_memory"})


def flow_of(tables):
    return flow.source(tables)


def n_of(steps):
    return {(row.step, row.code): row.n for row in steps.itertuples()}


def test_the_flow_counts_every_scan(tables):
    steps = flow_of(tables)
    total = steps.groupby("step")["n"].sum()

    assert total["registry"] == 60
    assert total["registry"] - total["excluded"] == total["included"] == total["sex"] == 55
    assert total["included"] - total["not_measured"] == total["measured"] == 53


def test_the_flow_names_each_criterion_and_reason(tables):
    n = n_of(flow_of(tables))

    assert n["excluded", "age_known"] == 1
    assert n["excluded", "complete"] == 2
    assert n["excluded", "contrast_enhanced"] == 2
    assert n["not_measured", "unreadable"] == n["not_measured", "out_of_memory"] == 1


def test_the_text_of_the_flow_has_the_number_of_missing_values(tables):
    words = flow.summary(flow_of(tables))

    assert "No contrast agent given (n = 2). Not recorded: 1" in words
    assert "Age not known (n = 1);" in words
    assert words.endswith(
        "Scans measured (n = 53); Scans analyzed per structure (14 structures)."
        " Volume: n = 53 each. Attenuation: n = 53 each"
    )


def repeated(per_patient=4):
    """Return four scans per patient; the first patient has no age, and one scan of the second is incomplete."""
    patients = study_tables.of_repeated_patients(study_tables.registry(80), per_patient)
    patients.loc[:3, "age_years"] = float("nan")
    patients.loc[4, "complete"] = pd.NA
    return patients


@pytest.fixture(scope="module")
def of_repeated(labels):
    failed = {"s0010": "unreadable", "s0011": "out_of_memory", "s0012": "unreadable"}
    return study_tables.study(repeated(), labels, failed=failed)


def test_the_flow_has_numbers_of_patients_with_several_scans(of_repeated):
    steps = flow_of(of_repeated).set_index(["step", "code"])

    sizes = {key: tuple(row) for key, row in steps[["n", "n_patients"]].iterrows()}
    assert sizes["registry", ""] == (80, 20)
    assert sizes["excluded", "age_known"] == (4, 1)
    assert sizes["excluded", "complete"] == (1, 1)
    assert sizes["included", ""] == (75, 19)
    assert sizes["not_measured", "unreadable"] == (2, 2)
    assert sizes["not_measured", "out_of_memory"] == (1, 1)
    assert sizes["unmeasured", ""] == (3, 2)  # one patient has scans with both statuses
    assert sizes["measured", ""] == (72, 19)
    assert sizes["used", "volume_ml most"] == (72, 19)
    assert steps.loc["sex", "n_patients"].sum() == 19
    assert steps.loc[("excluded", "complete"), ["n_not_recorded", "n_patients_not_recorded"]].to_list() == [1, 1]


def test_the_text_of_the_flow_has_patients_with_every_number_of_scans(of_repeated):
    words = flow.summary(flow_of(of_repeated))

    assert words.startswith(
        "Scans in the registry (n = 80 scans of 20 patients); Age not known (n = 4 scans of 1 patient)"
    )
    assert "(n = 1 scan of 1 patient). Not recorded: 1 scan of 1 patient;" in words
    assert "Not measured (n = 3 scans of 2 patients). File not readable (n = 2 scans of 2 patients)." in words
    assert words.endswith("Volume: n = 72 (19) each. Attenuation: n = 72 (19) each")
    assert "Scans (patients) analyzed per structure" in words
    women = flow_of(of_repeated).set_index(["step", "code"]).loc[("sex", "female")]
    assert f"{women['n']} scans of {women['n_patients']} women" in words


def test_the_flow_of_one_scan_per_patient_states_no_patients(tables):
    assert "patient" not in flow.summary(flow_of(tables))
    assert flow_of(tables)["n_patients"].dropna().eq(flow_of(tables)["n"]).sum() > 10


def test_a_flow_without_criteria_begins_with_the_cohort(tables):
    steps = flow_of({**tables, "flow": tables["flow"].head(0), "exclusions": tables["exclusions"].head(0)})

    assert n_of(steps)["registry", ""] == n_of(steps)["included", ""] == 55
    assert "excluded" not in set(steps["step"])


def test_a_scan_with_one_measured_structure_counts_as_measured(tables, labels):
    measures = tables["measures"].copy()
    one = measures["scan_id"].eq("s0020") & measures["structure"].ne("organ_1")
    measures.loc[one, "status"] = "not_in_model"

    steps = flow_of({**tables, "measures": measures})

    assert one.sum() == len(labels.names) - 1
    assert n_of(steps)["measured", ""] == 53


def after_review(tables, labels, *rows):
    """Return the tables of the same study with these decisions of a reviewer."""
    screened = study_tables.screened(tables["measures"], labels, tables["cohort"], decisions(*rows))
    return {**tables, **screened}


def test_a_flow_without_a_review_has_no_step_of_a_review(tables, labels):
    assert not {"excluded_by_reviewer", "reviewed"} & set(flow_of(tables)["step"])
    assert "reviewed" not in set(flow_of(after_review(tables, labels))["step"])


def test_a_review_adds_steps_for_whole_scans_and_single_structures(tables, labels):
    reviewed = after_review(
        tables,
        labels,
        ("s0020", "*", "exclude"),
        ("s0021", "*", "exclude"),
        ("s0021", "organ_1", "keep"),  # the scan remains included
        ("s0022", "organ_2", "exclude"),
        ("s0023", "organ_2", "absent"),
        ("s0024", "*", "keep"),  # no rule excludes a value
        ("s0010", "*", "exclude"),  # scan without measurement
    )

    steps = flow_of(reviewed)

    n = n_of(steps)
    assert n["measured", ""] == 53
    assert n["excluded_by_reviewer", ""] == 1
    assert n["reviewed", ""] == 52
    single = steps.loc[steps["step"] == "single_structures"].set_index("code")["n"]
    assert single.to_dict() == {"reviewer_excluded": len(labels.names) - 1 + 1, "absent_known": 1}
    assert (
        "Scans measured (n = 53); Excluded by a reviewer (n = 1). In other scans:"
        " Structures excluded: 14. Structures known to be absent: 1; Scans after review (n = 52); "
    ) in flow.summary(steps)


def test_the_flow_counts_values_that_a_reviewer_kept_against_the_rules(tables, labels):
    measures = tables["measures"].copy()
    cut = measures["scan_id"].isin(["s0030", "s0031"]) & measures["structure"].eq("organ_2")
    measures.loc[cut, "faces"] = "left"

    steps = flow_of(after_review({**tables, "measures": measures}, labels, ("s0030", "organ_2", "keep")))

    assert n_of(steps)["single_structures", "reviewer_kept"] == 1
    assert n_of(steps)["excluded_by_reviewer", ""] == 0


def test_bars_count_every_scan_of_known_age_once(tables):
    bars = age_by_sex.source(tables["cohort"])
    by_sex = bars.groupby("sex")["n"].sum()

    assert by_sex.to_dict() == tables["cohort"]["sex"].fillna("").value_counts().sort_index().to_dict()
    assert (bars["age_to"] - bars["age_from"]).eq(10).all()


def test_a_bar_includes_its_lower_age_and_excludes_its_upper():
    patients = pd.DataFrame({"age_years": [20.0, 29.9, 30.0, 40.0], "sex": pd.Series(["male"] * 4, dtype="str")})
    men = age_by_sex.source(patients).query("sex == 'male'")

    assert dict(zip(men["age_from"], men["n"], strict=True)) == {20: 2, 30: 1, 40: 1}


def test_women_and_men_are_always_included_and_unknown_sex_only_if_it_occurs():
    men = study_tables.registry(10, sexes=("male",))

    assert set(age_by_sex.source(men)["sex"]) == {"female", "male"}
    assert age_by_sex.source(men).query("sex == 'female'")["n"].sum() == 0
    assert set(age_by_sex.source(registry_with_gaps())["sex"]) == {"female", "male", ""}


def test_without_ages_there_is_one_empty_bar():
    without_ages = study_tables.registry(3).assign(age_years=float("nan"))

    assert age_by_sex.source(without_ages)["n"].sum() == 0


def test_bins_of_large_cohorts_are_five_years_wide():
    bars = age_by_sex.source(study_tables.registry(200))

    assert (bars["age_to"] - bars["age_from"]).eq(5).all()
    assert bars["n"].sum() == 200


def test_both_sides_of_a_structure_share_a_row_left_above_right(labels):
    rows = list(spearman_overview.rows_of(labels))

    assert [row.text for row in rows if not row.members] == ["Abdomen", "Muscles"]
    assert [row.text for row in rows if len(row.members) == 2] == [f"Muscle {number}" for number in range(1, 6)]
    assert rows[-1].members == (("muscle_5_left", "left"), ("muscle_5_right", "right"))
    assert sorted(name for row in rows for name, _ in row.members) == sorted(labels.names)


def test_one_side_without_the_other_keeps_its_side_in_its_name(labels):
    alone = labels.table.loc[labels.table["structure"].ne("muscle_1_right")]
    rows = list(spearman_overview.rows_of(type(labels)("one_side", alone)))

    assert "Left muscle 1" in [row.text for row in rows]


def test_groups_of_a_side_do_not_share_the_row_of_the_whole():
    rows = list(spearman_overview.rows_of(label_sets.read("total_117").combined))

    assert rows[0].text == "Groups of structures"
    assert [(row.text, len(row.members)) for row in rows[1:5]] == [
        ("Ribs", 1),
        ("Ribs by side", 2),
        ("Lungs", 1),
        ("Lungs by side", 2),
    ]
    assert rows[2].members == (("ribs_left", "left"), ("ribs_right", "right"))
    assert len(rows) == 1 + 22


def test_the_overview_has_every_structure_and_measure_in_the_order_of_its_rows(tables, labels):
    shown = spearman_overview.source(tables["associations"], labels)
    order = [name for row in spearman_overview.rows_of(labels) for name, _ in row.members]

    assert len(shown) == len(tables["associations"])
    assert shown.loc[shown["measure"] == "volume_ml", "structure"].tolist() == order


def test_measured_and_true_values_of_the_same_scan_are_in_one_row(tables, labels):
    pairs = truth.source(truth.pairs_of(tables["analysis"], tables["truth"], labels, tables["cohort"]))

    assert len(pairs) == len(tables["analysis"])
    volumes = pairs.loc[pairs["measure"] == "volume_ml"]
    assert (volumes["measured_value"] / volumes["true_value"]).between(0.8, 1.15).all()  # noise of 3 %, by construction


def test_failures_count_every_scan_whose_volume_is_not_used_once(tables, labels):
    shown = failures.source(tables["failures"], tables["structure_flow"], labels.names).set_index("structure")
    used = tables["verdicts"].groupby("structure")["usable_volume"].sum()
    reasons = [f"n_{code}" for code in FLOW_REASONS if f"n_{code}" in shown]

    assert list(shown.index) == labels.names
    assert (shown["n_scans"] - shown["n_removed"]).to_dict() == used.to_dict()
    assert shown[reasons].sum(axis=1).equals(shown["n_removed"])
    assert shown["n_not_segmented"].eq(2).all()


def test_age_and_sex_of_excluded_scans_are_included(tables, labels):
    shown = failures.source(tables["failures"], tables["structure_flow"], labels.names).set_index("structure")
    excluded = tables["cohort"].loc[tables["cohort"]["scan_id"].isin(["s0010", "s0011"])]
    whole = shown.loc[shown["n_removed"].eq(2)]

    assert len(whole)
    assert whole["age_removed"].round(6).eq(round(float(excluded["age_years"].mean()), 6)).all()
    share = 100 * excluded["sex"].dropna().eq("female").mean()
    assert whole["women_removed"].round(6).eq(round(float(share), 6)).all()


def test_sensitivity_has_every_rule_set_of_each_chosen_structure(tables, labels):
    keys = [("muscle_1_left", "volume_ml"), ("organ_1", "hu_mean")]
    shown = sensitivity.source(tables["sensitivity"], keys)
    own = tables["associations"].set_index(["structure", "measure"])["rho"]

    rules = ["none", "paper", "strict", "study"]
    assert list(shown["analysis"]) == [*rules, "uniform_age", *rules, "eroded", "uniform_age"]
    assert list(dict.fromkeys(zip(shown["structure"], shown["measure"], strict=True))) == keys
    assert [float(shown.query("analysis == 'study'")["rho"].iloc[place]) for place in (0, 1)] == [
        own[key] for key in keys
    ]


def test_sexes_share_the_usable_values_among_them(tables, labels):
    shown = by_sex.source(tables["analysis"], tables["cohort"], labels.names)
    n = shown.groupby(["structure", "measure"])["n"].sum()
    values = tables["analysis"].groupby(["structure", "measure"]).size()

    assert list(shown["sex"].unique()) == ["female", "male", ""]
    assert n[n > 0].to_dict() == {key: size for key, size in values.items() if key[0] in labels.names}


def test_asymmetry_is_that_of_the_volumes_of_both_sides():
    volumes = {"left": [3.0, 2.0, 1.0], "right": [1.0, 2.0, 3.0]}
    analysis = pd.DataFrame(
        [
            {"scan_id": f"s{scan}", "structure": f"hip_{side}", "measure": "volume_ml", "value": value}
            for side, values in volumes.items()
            for scan, value in enumerate(values)
        ]
    )
    cohort = pd.DataFrame({"scan_id": ["s0", "s1", "s2"], "patient_id": ["p", "q", "p"]})
    pairs = {"hip_left": "hip_right", "rib_left_1": "rib_right_1"}

    row = asymmetry.source(analysis, pairs, cohort).set_index("left")

    assert row.loc["hip_left", ["n", "low", "median", "high"]].tolist() == [3, -0.5, 0.0, 0.5]
    assert row["n_patients"].to_list() == [2, 0]
    assert row.loc["rib_left_1", "n"] == 0


def test_a_side_that_is_not_usable_has_no_asymmetry():
    analysis = pd.DataFrame(
        {"scan_id": ["s1", "s2"], "structure": ["hip_left", "hip_right"], "measure": "volume_ml", "value": [1.0, 2.0]}
    )

    shown = asymmetry.source(analysis, {"hip_left": "hip_right"}, analysis[["scan_id"]])

    assert shown[["n", "n_patients"]].to_numpy().tolist() == [[0, 0]]


def heat(tables, labels):
    cells = heatmap.source(tables, labels)
    return cells.set_index(["structure", "measure", "stratum"]).sort_index()


def test_the_heat_map_has_a_cell_for_each_structure_measure_and_stratum(tables, labels):
    cells = heatmap.source(tables, labels)

    assert len(cells) == len(labels.names) * 2 * 4
    assert list(cells["structure"].unique()) == labels.names
    assert list(cells["stratum"].iloc[:4]) == ["all", "female", "male", "adjusted"]


def test_the_cells_contain_the_values_of_three_tables(tables, labels):
    cells = heat(tables, labels)
    key = ("organ_2", "volume_ml")
    of_sexes = tables["associations_by_sex"].set_index(["structure", "measure", "sex"])["rho"]
    adjusted = tables["adjusted"].set_index(["structure", "measure", "adjusted_for"])["rho"]

    assert cells.loc[(*key, "all"), "rho"] == tables["associations"].set_index(["structure", "measure"])["rho"][key]
    assert cells.loc[(*key, "female"), "rho"] == of_sexes[(*key, "female")]
    assert cells.loc[(*key, "adjusted"), "rho"] == adjusted[(*key, "sex")]
    assert cells.loc[(*key, "adjusted"), "adjusted_for"] == "sex"


def test_adjusted_is_for_the_most_covariates_at_once(tables, labels):
    alone = tables["adjusted"]
    both = alone.assign(adjusted_for="sex + height_cm", rho=0.125)
    more = pd.concat([alone, alone.assign(adjusted_for="height_cm"), both], ignore_index=True)

    adjusted = heat({**tables, "adjusted": more}, labels).xs("adjusted", level="stratum")

    assert set(adjusted["adjusted_for"]) == {"sex + height_cm"}
    assert adjusted["rho"].eq(0.125).all()


def test_a_missing_correlation_is_a_missing_cell(tables, labels):
    women = tables["associations_by_sex"]["sex"].eq("female")
    cells = heat({**tables, "associations_by_sex": tables["associations_by_sex"][~women]}, labels)

    assert cells.xs("female", level="stratum")["rho"].isna().all()
    assert cells.xs("male", level="stratum")["rho"].notna().any()


@pytest.mark.parametrize(("name", "blocks"), [("demo", 1), ("paper_104", 2), ("total_117", 2)])
def test_the_heat_map_names_every_structure_once_below_its_group(name, blocks):
    label_set = label_sets.read(name)
    found = heatmap.blocks_of(label_set)
    group_of = dict(zip(label_set.table["structure"], label_set.table["group"], strict=True))

    assert len(found) == blocks
    assert sorted(row.structure for rows in found for row in rows if row.structure) == sorted(label_set.names)
    for rows in found:
        heading = ""
        for row in rows:
            heading = heading if row.structure else row.heading.removesuffix(", continued")
            assert not row.structure or group_of[row.structure].lower() == heading.lower()
        assert rows[-1].structure  # a heading is not the last row of a block


def compared(*rows):
    columns = ["id", "structure", "measure", "rho_published", "rho_here", "outcome", "distinct"]
    table = pd.DataFrame(rows, columns=columns).assign(n=20, n_patients=20, margin=0.1)
    table["rho_expected"] = table["rho_published"].where(table["id"].ne("R13"))
    limits = {f"{end}_{side}": table[f"rho_{side}"] for end in ("ci_low", "ci_high") for side in ("expected", "here")}
    return table.assign(**limits)


def test_a_correlation_that_is_printed_twice_is_one_point():
    shown = published.source(
        compared(
            ("A01", "aorta", "volume_ml", 0.64, 0.61, "equivalent", False),
            ("R02", "hips", "hu_mean", -0.61, -0.93, "different", True),
            ("R09", None, "hu_mean", -0.79, None, "not_measured_here", True),
            ("R12", "aorta", "volume_ml", 0.64, 0.61, "equivalent", True),
            ("R13", "iliac_arteries", "volume_ml", 0.33, 0.61, "not_comparable", True),
            ("G01", "spleen", "volume_ml", None, 0.1, "not_reported", False),
        )
    )

    assert list(shown["id"]) == ["R02", "R13", "R12", "R09"]
    assert shown["number"].tolist()[:3] == [1, 2, 3]
    assert shown["number"].isna().tolist() == [False, False, False, True]
    assert shown["rho_expected"].tolist() == [-0.61, 0.33, 0.64, -0.79]  # without ages, the published correlation
    assert published.summary(shown) == "1 equivalent, 1 different, 1 not comparable, 1 not measured in this study"


def centiles_of(structure):
    ends = {"": 0.0, "_low": -0.5, "_high": 0.5}
    percents = (3, 10, 25, 50, 75, 90, 97)
    shown = {f"centile_{percent:02d}{end}": [percent + by] * 2 for percent in percents for end, by in ends.items()}
    keys = {"structure": structure, "measure": "volume_ml", "sex": "female"}
    return pd.DataFrame({"age_years": [50.0, 51.0], **shown, "n": 200, "n_near": [40, 10], **keys})


def test_centiles_show_curves_and_values_of_each_sex():
    points = pd.DataFrame(
        {"age_years": [50.0, 60.0, 70.0], "value": [1.0, 2.0, 3.0], "quartile": 1, "sex": ["female", "male", None]}
    )
    whole = {"structure": "aorta", "measure": "volume_ml", "band": "all", "n": 1, "n_patients": 1, "misfit": None}
    outcome = pd.DataFrame([{**whole, "sex": "female", "reason": "ok"}, {**whole, "sex": "male", "reason": "too_few"}])
    curves = pd.concat([centiles_of("aorta"), centiles_of("spleen")])

    finding = StructureFinding("aorta", "volume_ml", points, {}, {}, frozenset())
    shown = centiles.shown_of(finding, {"centiles": curves, "centile_calibration": outcome})
    shown_values = centiles.source(shown)

    assert shown_values["series"].value_counts().to_dict() == {
        "value": 2,
        **{
            f"centile_{percent:02d}{end}": 2 for percent in (3, 10, 25, 50, 75, 90, 97) for end in ("", "_low", "_high")
        },
    }
    assert shown_values.loc[shown_values["series"] == "centile_25", "value"].tolist() == [25.0, 25.0]
    assert shown_values.loc[shown_values["series"] == "value", "sex"].tolist() == ["female", "male"]
    assert centiles.summary(shown) == "Women: n = 1. Men: n = 1; no curves (too few values)"

    several = outcome.assign(n=[8, 4], n_patients=[2, 4], misfit=[True, None])
    shown = centiles.shown_of(finding, {"centiles": curves, "centile_calibration": several})
    assert centiles.summary(shown) == "Women: n = 8 scans of 2 patients; misfit. Men: n = 4; no curves (too few values)"


SIZES = ["n", "n_patients"]


def test_every_table_of_a_figure_with_n_has_the_patients_of_these_scans(of_repeated, labels):
    """Of 75 scans of 19 patients, 72 were measured; one patient has three measured scans, one has two, others four."""
    tables, analysis, cohort = of_repeated, of_repeated["analysis"], of_repeated["cohort"]
    pairs = {"muscle_1_left": "muscle_1_right"}
    flows = structure_flow.source(tables["structure_flow"], labels.names)
    excluded_volumes = failures.source(tables["failures"], tables["structure_flow"], labels.names)
    sexes = by_sex.source(analysis, cohort, labels.names).groupby(["structure", "measure"])[SIZES].sum()

    for shown in (
        spearman_overview.source(tables["associations"], labels),
        sensitivity.source(tables["sensitivity"], [("organ_1", "volume_ml")]).query(
            "analysis not in ('one_scan_per_patient', 'uniform_age')"  # with other scans
        ),
        heatmap.source(tables, labels).query("stratum == 'all'"),
        asymmetry.source(analysis, pairs, cohort),
        flows[flows["share"] == structure_flow.USED],
        sexes,
    ):
        assert len(shown)
        assert shown[SIZES].to_numpy().tolist() == [[72, 19]] * len(shown)
    assert excluded_volumes[
        ["n_scans", "n_patients", "n_removed", "n_patients_removed"]
    ].drop_duplicates().to_numpy().tolist() == [[75, 19, 3, 2]]
    assert excluded_volumes[["n_not_segmented", "n_patients_not_segmented"]].drop_duplicates().to_numpy().tolist() == [
        [3, 2]
    ]


def test_the_patients_of_a_share_of_several_reasons_are_missing_and_not_added(of_repeated):
    table = of_repeated["structure_flow"].query("structure == 'organ_1' and measure == 'volume_ml'").copy()
    table.loc[table["reason"].isin(["padding", "truncated"]), ["n_removed", "n_patients_removed"]] = [4, 2]

    shown = structure_flow.source(table, ["organ_1"]).set_index("share")

    assert shown.loc["truncated", "n"] == 8
    assert shown["n_patients"].isna().to_dict() == {name: name == "truncated" for name in shown.index}


def test_bars_of_ages_count_a_patient_once_in_each(of_repeated):
    bars = age_by_sex.source(of_repeated["cohort"])
    cohort = of_repeated["cohort"].assign(bar=lambda rows: rows["age_years"] // 10)

    assert bars["n"].sum() == 75
    assert bars["n_patients"].sum() == len(cohort.drop_duplicates(["patient_id", "bar"]))


def test_missing_numbers_of_a_study_without_scans_are_no_repeated_patients():
    assert not has_repeats(pd.DataFrame({"n": [float("nan")], "n_patients": [float("nan")]}))
    assert not has_repeats(pd.DataFrame({"n": [3, None], "n_patients": [3, None]}, dtype="Int64"))
    assert has_repeats(pd.DataFrame({"n": [3, None], "n_patients": [2, None]}, dtype="Int64"))


def test_columns_of_one_scan_per_patient_print_only_n():
    assert count_heading(both=False) == "n"
    assert count_room(["1" * 99], 16.0, both=False) == 16.0
    assert scans_and_patients(4004, 1001, both=False) == "4,004"
    assert scans_and_patients(4004, 1001, both=True) == "4,004 (1,001)"
    assert count_room(["4,004 (1,001)"], 12.0, both=True) > width_of("4,004 (1,001)", SMALL)


@pytest.mark.parametrize(
    ("wanted", "step", "limits", "expected"),
    [
        ([1.0, 5.0], 1.0, (-10, 10), [1.0, 5.0]),  # already far enough apart
        ([1.0, 1.0], 2.0, (-10, 10), [0.0, 2.0]),  # moved symmetrically
        ([0.0, 0.0, 0.0], 1.0, (0, 10), [0.0, 1.0, 2.0]),  # within the limits
        ([10.0, 10.0], 1.0, (0, 10), [9.0, 10.0]),
        ([], 1.0, (0, 1), []),
    ],
)
def test_labels_are_moved_apart_and_no_further(wanted, step, limits, expected):
    assert apart(np.array(wanted), step, limits).tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ((-1.05, 1.05), [-1, -0.5, 0, 0.5, 1]),
        ((0.31, 0.49), [0.35, 0.4, 0.45]),
        ((-0.62, -0.58), [-0.62, -0.6, -0.58]),
        ((0.4991, 0.5009), [0.5]),
    ],
)
def test_axes_of_few_correlations_have_at_least_two_ticks_if_possible(limits, expected):
    assert published.ticks_within(limits) == expected
