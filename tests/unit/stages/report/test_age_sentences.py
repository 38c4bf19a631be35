"""Sentences of the results on age: effects per decade, shape of the relation, adjustment, power, and sensitivity."""

import numpy as np
import pandas as pd
import pytest

from ctpop.contracts import all_tables
from ctpop.stages.report import (
    adjusted_sentences,
    age_methods,
    age_sentences,
    curve_sentences,
    missing_sentences,
    sensitivity_sentences,
)
from ctpop.stages.report.finished_study import FinishedStudy
from ctpop.study import configuration
from support import study_tables

LABELS = study_tables.label_set(n_pairs=0, n_single=3)
BOTH = "standardized to equal proportions of women and men"


@pytest.fixture(scope="module")
def tables():
    return study_tables.study(study_tables.registry(60), LABELS)


@pytest.fixture
def study_with(tables):
    """A function that returns a study with other tables and settings of `aging`."""

    def make(aging=None, **changes):
        others = {name: value for name, value in (aging or {}).items() if name != "primary"}
        config = configuration.validated(
            {
                "study": {"name": "made_up", "registry": "registry.csv"},
                "structures": "demo",
                "segment": {"model": "demo"},
                "aging": others,
            }
        )
        config["aging"]["primary"] = (aging or {}).get("primary", [])  # the label set is not that of the configuration
        return FinishedStudy(config, LABELS, {**tables, **changes})

    return make


def effects(*rows):
    """Return a table of effects from rows as those of `effect`."""
    names = ["structure", "measure", "adjusted_for", "sex", "form", "window", "effect", "effect_sd", "p"]
    table = pd.DataFrame(rows, columns=names).assign(n=58, n_patients=58)
    return table.assign(ci_low=table["effect"] - 1, ci_high=table["effect"] + 1)


def effect(structure, size, sd, p=1e-9, measure="hu_mean", **changes):
    of = {"adjusted_for": "none", "sex": "standardized", "form": "spline", "window": "30-80", **changes}
    return (structure, measure, *of.values(), size, sd, p)


def test_the_largest_differences_are_those_in_residual_sds_with_interval_and_n(study_with):
    rows = effect("organ_1", -9, -0.5), effect("organ_2", 2.04, 0.7), effect("organ_3", -30, -2, p=0.01)
    found = study_with(age_effects=effects(*rows))

    assert age_sentences.largest_effects(found) == [
        "In units of the residual SD, the largest differences in attenuation per decade of age (from 30 to 80 years of"
        f" age; {BOTH}) were observed in the following structures: organ 2 (2.0 HU; 95% CI: 1.0 HU, 3.0 HU; P < .0001;"
        " n = 58) and organ 1 (−9.0 HU; 95% CI: −10.0 HU, −8.0 HU; P < .0001; n = 58)."
    ]


def test_volumes_have_differences_in_percent_and_numbers_of_patients_if_patients_are_repeated(study_with):
    table = effects(effect("organ_1", -5.34, -0.5, measure="volume_ml")).assign(n_patients=20)
    [text] = age_sentences.largest_effects(study_with(age_effects=table))

    assert text.endswith(
        "the largest difference in volume per decade of age (from 30 to 80 years of age; standardized to equal"
        " proportions of women and men) was observed in the following structure: organ 1 (−5.3%; 95% CI: −6.3%, −4.3%;"
        " P < .0001; n = 58 scans of 20 patients)."
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"window": "55-75"}, f"from 55 to 75 years of age; {BOTH}"),
        ({"form": "line", "window": "all"}, f"straight line over all ages; {BOTH}"),
        ({"sex": "male"}, "from 30 to 80 years of age; men only"),
        ({"sex": "all", "form": "line", "window": "all"}, "straight line over all ages; without regard to sex"),
    ],
)
def test_the_first_age_range_and_sex_with_results_is_named(study_with, changes, words):
    rows = [effect(f"organ_{n}", n, n, **changes) for n in (1, 2, 3)]
    missing = [effect(f"organ_{n}", np.nan, np.nan, p=np.nan) for n in (1, 2, 3)]

    [text] = age_sentences.largest_effects(study_with(age_effects=effects(*missing, *rows)))

    assert f"per decade of age ({words}) were" in text


def test_an_age_range_with_results_for_fewer_than_half_of_the_structures_is_not_used(study_with):
    wide = [effect(f"organ_{n}", n, n, window="55-75") for n in (1, 2, 3)]

    [text] = age_sentences.largest_effects(study_with(age_effects=effects(effect("organ_1", 5, 5), *wide)))

    assert "from 55 to 75 years" in text


@pytest.mark.parametrize("table", [None, effects(), effects(effect("organ_1", np.nan, np.nan, p=np.nan))])
def test_a_study_without_effects_has_no_sentence_on_them(study_with, table):
    found = study_with(age_effects=table)

    assert age_sentences.largest_effects(found) == []
    assert age_methods.effects(found) == {}
    assert adjusted_sentences.adjusted_effects(found) == ""


def test_primary_structures_are_reported_with_correlation_and_effect(study_with):
    found = study_with({"primary": ["organ_2"]}, age_effects=effects(effect("organ_2", -9, -0.5)))
    row = found.tables["associations"].query("structure == 'organ_2' and measure == 'hu_mean'").iloc[0]

    text = age_sentences.primary(found)

    assert text.startswith("The results for the primary structures (differences per decade of age: from 30 to 80 years")
    assert f"attenuation of organ 2 (ρ = {row['rho']:.2f}".replace("-0.", "−.") in text
    assert "; difference per decade of age, −9.0 HU; 95% CI: −10.0 HU, −8.0 HU; P < .0001; n = 58)" in text
    assert age_sentences.primary(study_with()) == ""


def associations(**of):
    table = pd.DataFrame({"structure": list(of), "n_patients": list(of.values())})
    return table.assign(measure="hu_mean", rho=-0.5, n=table["n_patients"] * 2)


def test_correlations_by_sex_have_counts_and_median_sizes_if_both_sexes_have_results(study_with):
    table = pd.DataFrame(
        [("organ_1", "female", -0.5, 1e-9), ("organ_2", "female", 0.1, 0.2), ("organ_1", "male", 0.3, 0.5)],
        columns=["structure", "sex", "rho", "p_independence"],
    ).assign(p_rho0=0.9)

    assert age_sentences.by_sex(study_with(associations_by_sex=table)) == (
        "In analyses by sex, 1 of 2 correlations (50%) in women and 0 of 1 correlation in men were significant"
        " (P < .0001; median absolute ρ, .30 and .30)."
    )
    assert age_sentences.by_sex(study_with(associations_by_sex=table.query("sex == 'female'"))) == ""


def test_adjusted_tests_of_age_groups_have_a_count_and_the_range_of_the_effect_size(study_with):
    table = pd.DataFrame({"structure": ["organ_1", "organ_2"], "p": [1e-9, 0.3], "eta_squared": [0.4, 0.01]})

    assert adjusted_sentences.quade(study_with(rank_ancova=table)) == (
        "In the rank analysis of covariance, values differed significantly among age quartiles in 1 of 2 tests (50%);"
        " the proportion of variance ranged from .01 to .40."
    )
    assert adjusted_sentences.quade(study_with(rank_ancova=table.assign(p=np.nan))) == ""


def test_the_power_sentence_is_that_of_the_patients_of_the_largest_and_smallest_sample(study_with):
    alone = study_with(associations=associations(organ_1=4004, organ_2=4004))
    several = study_with(associations=associations(organ_1=4004, organ_2=300))
    first = (
        "With 4,004 patients, the study had 80% power to detect a correlation of .075 in size (two-sided α = .0001)."
    )

    assert age_sentences.power(alone) == first
    assert age_sentences.power(several) == (
        f"{first} For the structure with the smallest sample (300 patients), it had 80% power to detect a correlation"
        " of .269 in size."
    )
    assert age_sentences.power(study_with(associations=associations(organ_1=3))) == ""


def test_family_wise_error_rates_are_limited_only_below_1(study_with):
    text = age_sentences.false_positives(study_with())
    many = age_sentences.false_positives(study_with({"alpha": 0.05}))

    assert (
        "was at most .0006 for the 6 correlations, .0006 for the 6 Kruskal-Wallis tests, and .0036 for the 36" in text
    )
    assert many.endswith(
        "was at most .3 for the 6 correlations and .3 for the 6 Kruskal-Wallis tests. The significance level did not"
        " limit this probability for the 36 rank-sum tests."
    )
    assert age_sentences.false_positives(study_with({"alpha": 0.5})).endswith(
        "one false-positive result was not limited for the 6 correlations, the 6 Kruskal-Wallis tests, and the 36"
        " rank-sum tests."
    )
    assert age_sentences.rounded(1248e-4) == ".125"


def curves(*rows):
    return pd.DataFrame(rows, columns=["structure", "measure", "term", "p"])


def test_nonlinear_relations_are_counted_by_sex_among_the_tested_structures(study_with):
    table = curves(
        *(("organ_1", "hu_mean", "nonlinear_female", 1e-6), ("organ_2", "hu_mean", "nonlinear_female", 0.3)),
        *(("organ_1", "hu_mean", "nonlinear_male", 0.2), ("organ_2", "hu_mean", "nonlinear_male", np.nan)),
        *(("organ_1", "hu_mean", "nonlinear", 1e-6), ("organ_1", "volume_ml", "nonlinear", 1e-6)),
        *(("organ_1", "hu_mean", "interaction", 1e-6), ("organ_2", "hu_mean", "interaction", 0.1)),
    )
    found = study_with(age_curves=table)

    assert curve_sentences.nonlinear(found) == [
        "The relation between volume and age was nonlinear (P < .0001, spline vs straight line) for the only"
        " structure.",
        "The relation between attenuation and age was nonlinear (P < .0001, spline vs straight line, by sex) for 1 of 2"
        " structures (50%) in women and for 0 of 1 structure in men.",
    ]
    assert curve_sentences.interaction(found) == (
        "The relation with age differed between women and men (P < .0001, age-by-sex interaction) in 1 of 2 attenuation"
        " values (50%)."
    )
    assert curve_sentences.interaction(study_with(age_curves=curves())) == ""


def adjusted(rho, crude, left_out=(0, 0)):
    table = pd.DataFrame({"structure": ["organ_1", "organ_2"], "measure": "hu_mean", "rho": rho, "rho_crude": crude})
    return table.assign(adjusted_for="sex + height_cm", n_left_out=left_out, n_patients_left_out=left_out)


def test_adjusted_correlations_are_compared_with_those_of_the_same_scans(study_with):
    text = adjusted_sentences.adjusted(study_with(adjusted=adjusted([-0.5, -0.3], [-0.6, -0.32], (4, 12))))

    assert text == (
        "After adjustment for sex and height, the median difference between the adjusted and unadjusted ρ in the same"
        " scans was .06 (range, .02 to .10; 2 correlations). From each correlation, 4 to 12 values were excluded"
        " because of missing covariates."
    )


@pytest.mark.parametrize(
    ("left_out", "text"),
    [
        ((0, 0), "No value was excluded because of a missing covariate."),
        ((1, 1), "From each correlation, 1 value was excluded because of missing covariates."),
        ((5, 5), "From each correlation, 5 values were excluded because of missing covariates."),
    ],
)
def test_the_number_of_values_without_covariates_is_stated(left_out, text):
    assert adjusted_sentences.left_out(adjusted([0.1, 0.2], [0.1, 0.2], left_out)) == text


def test_adjusted_effects_are_those_of_the_structures_with_the_largest_differences_or_of_primary_ones(study_with):
    rows = [
        *(effect("organ_1", -9, -0.5), effect("organ_2", 1, 0.1, p=0.4), effect("organ_3", 1, 0.1, p=0.4)),
        *(effect(f"organ_{n}", -n, -0.1, p=0.02, adjusted_for="height_cm") for n in (1, 2, 3)),
    ]
    largest = adjusted_sentences.adjusted_effects(study_with(age_effects=effects(*rows)))
    chosen = adjusted_sentences.adjusted_effects(study_with({"primary": ["organ_2"]}, age_effects=effects(*rows)))

    start = f"Adjusted for height, the differences per decade of age (from 30 to 80 years of age; {BOTH}) in "
    assert largest == (
        f"{start}the structures listed above were as follows: attenuation of organ 1 (−1.0 HU; 95% CI: −2.0 HU, 0.0 HU;"
        " P = .020; n = 58)."
    )
    assert chosen.startswith(f"{start}the primary structures were as follows: attenuation of organ 2 (−2.0 HU;")


def sex_differences(*rows):
    names = ["structure", "measure", "adjusted_for", "form", "difference", "difference_sd", "p"]
    table = pd.DataFrame(rows, columns=names).assign(n=58, n_patients=58, age_years=50.0)
    return table.assign(ci_low=table["difference"] - 1, ci_high=table["difference"] + 1)


def test_differences_between_the_sexes_are_counted_and_the_largest_are_named(study_with):
    table = sex_differences(
        *(
            ("organ_1", "volume_ml", "none", "spline", 22.1, 1.2, 1e-9),
            ("organ_1", "volume_ml", "none", "line", 1, 1, 1),
        ),
        *(("organ_2", "volume_ml", "none", "spline", 2, 0.1, 0.2), ("organ_1", "hu_mean", "none", "spline", 1, 1, 0.5)),
        ("organ_1", "volume_ml", "height_cm", "spline", 5, 1, 1e-9),
    )
    found = study_with(sex_differences=table)

    assert curve_sentences.sex_differences(found) == [
        "Men and women at 50 years of age differed (P < .0001) in 1 of 2 volumes (50%) and 0 of 1 attenuation value.",
        "In units of the residual SD, the largest difference in volume (men minus women) was observed in the following"
        " structure: organ 1 (22.1%; 95% CI: 21.1%, 23.1%; P < .0001; n = 58).",
    ]
    assert age_methods.sex_age(found) == "50"
    assert curve_sentences.sex_differences(study_with(sex_differences=None)) == []


def change_points(*outcomes):
    table = pd.DataFrame({"outcome": outcomes, "structure": "organ_1", "measure": "hu_mean", "sex": "female"})
    ages = {"age_years": 43.5, "age_low_years": 36.4, "age_high_years": 51.0}
    return table.assign(**ages, slope_before=-2.88, slope_after=-22.7, p=0.004, n=124, n_patients=124)


def test_change_points_have_an_interval_two_slopes_and_a_condition_if_a_curve_fits_as_well(study_with):
    found = study_with(change_points=change_points("break_or_curve", "no_break"))

    assert curve_sentences.change_points(found) == (
        "A single straight line was rejected, and two straight lines that meet at a certain age fit as well as or"
        " better than a smooth curve, for 1 of 2 curves (50%) by structure and measure:"
        " attenuation of organ 1 in women (43.5 years; 95% CI: 36.4, 51.0; difference per decade of age, −2.9 HU before"
        " and −22.7 HU after this age; P = .0040; n = 124; if the change of slope is abrupt)."
    )
    assert "if the change" not in curve_sentences.change_points(study_with(change_points=change_points("break")))
    none = curve_sentences.change_points(study_with(change_points=change_points("no_break", "smooth_curve")))
    assert none.endswith("than a smooth curve, for none of 2 curves by structure and measure.")
    both = change_points("no_break", "break").assign(sex=["female", "male"])
    assert "1 of 2 curves (50%) by structure, measure, and sex" in curve_sentences.change_points(
        study_with(change_points=both)
    )
    assert curve_sentences.change_points(study_with()) == ""


def test_missing_values_are_compared_by_age_only_in_structures_with_enough_of_them(study_with):
    names = ["structure", "n", "n_missing", "n_patients_missing", "age_missing_years", "age_used_years", "difference"]
    rows = [("organ_1", 300, 38, 20, 66.0, 46.0, np.nan), ("organ_2", 300, 1, 1, 95.0, 46.0, np.nan)]
    table = pd.DataFrame(rows, columns=names).assign(measure="hu_mean", n_patients=150)

    text = missing_sentences.results_sentences(study_with(missing_sensitivity=table))

    assert text == (
        "Among scans in which the structure was not absent, 39 of 600 attenuation values (7%) were missing. The"
        " largest difference in age between scans with a missing value and scans with a used value was observed for the"
        " attenuation of organ 1 (median age, 66 and 46 years; 38 scans of 20 patients missing of 300 scans of 150"
        " patients)."
    )
    assert missing_sentences.methods_sentences(study_with(missing_sensitivity=table)) == (
        "Missing values were not imputed. Structures that were absent did not count as missing."
    )
    assert missing_sentences.results_sentences(study_with()) == missing_sentences.methods_sentences(study_with()) == ""


def calibration(*misfits):
    sex = "female"
    return pd.DataFrame({"misfit": misfits, "structure": "organ_1", "band": "all", "model": "shash", "sex": sex})


def test_centile_curves_that_do_not_fit_are_counted(study_with):
    unfitted = calibration(None).assign(model=None)
    table = pd.concat([calibration(True, False), unfitted], ignore_index=True)

    assert curve_sentences.centiles(study_with(centile_calibration=table)) == (
        "Sets of centile curves were fitted for 2 of 3 samples (67%) of a structure, measure, and sex; the"
        " cross-validation or the tests of the z scores indicated misfit of 1 of them (50%)."
    )
    assert curve_sentences.centiles(study_with(centile_calibration=unfitted)) == ""
    absent = pd.concat([calibration(False), unfitted.assign(sex="no such sex")], ignore_index=True)
    assert curve_sentences.centiles(study_with(centile_calibration=absent)).endswith(
        "for the only sample of a structure, measure, and sex; the cross-validation or the tests of the z scores"
        " indicated misfit of none of them."
    )


def test_the_quade_test_and_age_curves_are_described_only_if_they_have_results(study_with):
    empty = {
        name: all_tables.RANK_ANCOVA.check(study_with().tables[name]).assign(p=np.nan) for name in ("rank_ancova",)
    }
    found = study_with(**empty, age_curves=curves().assign(adjusted_for=""))

    assert age_methods.quade(study_with()) == "sex"
    assert age_methods.quade(found) == ""
    assert age_methods.curves(study_with()) == {
        "tested": [
            "whether values depended on age",
            "whether the relation with age departed from a straight line (in each sex)",
            "whether the relation with age differed between the sexes",
        ],
        "covariates": "",
    }
    of_women = study_with().tables["age_curves"].query("term in ['age', 'nonlinear', 'nonlinear_female']")
    assert age_methods.curves(study_with(age_curves=of_women))["tested"] == [
        "whether values depended on age",
        "whether the relation with age departed from a straight line",
    ]
    assert not age_methods.curves(found)["tested"]


def test_the_methods_name_only_age_ranges_and_sexes_with_results(study_with):
    narrow = effects(
        effect("organ_1", np.nan, np.nan, window="30-80"),
        effect("organ_1", 1, 1, window="55-75", sex="male"),
        effect("organ_1", 1, 1, form="line", window="all", sex="male"),
    )

    found = age_methods.effects(study_with(age_effects=narrow))
    line = age_methods.effects(study_with(age_effects=narrow.iloc[2:]))

    assert (found["windows"], found["both_sexes"]) == ("55 to 75 years", False)
    assert line["windows"] == ""
    assert age_methods.effects(study_with())["both_sexes"]


def sensitivity(*rows):
    """Return a table of correlations by analysis: analysis, structure, difference, and P value."""
    columns = ["analysis", "structure", "difference", "p_independence"]
    table = pd.DataFrame(rows, columns=columns).astype({"difference": float, "p_independence": float})
    return table.assign(measure="hu_mean", p_rho0=np.nan, n=58, n_patients=58)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([("none", "organ_1", np.nan, 0.01)], ""),
        ([("none", "organ_1", 0.0, 0.01)], "Correlation coefficients did not change with other screening rules."),
        (
            [("none", "organ_1", 0.001, 0.01), ("strict", "organ_1", 0, 0.01)],
            "With other screening rules, correlation coefficients changed by less than .01 (attenuation of organ 1, n"
            " = 58), and the significance of 0 of 1 correlation changed.",
        ),
        (
            [("none", "organ_1", 0.05, 0.01), ("strict", "organ_1", -0.15, 0.06), ("strict", "organ_2", 0.02, 0.3)],
            "With other screening rules, correlation coefficients changed by at most .15 (attenuation of organ 1, n ="
            " 58), and the significance of 1 of 2 correlations (50%) changed.",
        ),
        ([("one_scan_per_patient", "organ_1", 0.3, 0.9)], ""),  # not a screening rule
    ],
)
def test_the_effect_of_other_rules_is_a_sentence_on_rho_and_on_significance(study_with, rows, text):
    own = [("study", "organ_1", 0, 0.02), ("study", "organ_2", 0, 0.3)]
    found = study_with({"alpha": 0.05}, sensitivity=sensitivity(*own, *rows))

    assert sensitivity_sentences.change(found) == text


def test_with_repeated_patients_the_p_value_for_a_rho_of_0_determines_the_significance(study_with):
    table = sensitivity(("study", "organ_1", 0, np.nan), ("none", "organ_1", 0.1, np.nan)).assign(p_rho0=[0.04, 0.06])

    found = study_with({"alpha": 0.05}, sensitivity=table)

    assert "the significance of the only correlation changed" in sensitivity_sentences.change(found)


def test_analyses_other_than_screening_rules_have_their_largest_differences_in_one_sentence(study_with):
    rows = [("eroded", "organ_1", -0.04, 0.1), ("one_scan_per_patient", "organ_1", 0.001, 0.1)]
    rows += [("one_scan_per_patient", "organ_2", -0.003, 0.1), ("uniform_age", "organ_1", np.nan, np.nan)]
    found = study_with(sensitivity=sensitivity(*rows))

    assert sensitivity_sentences.other_analyses(found) == (
        "Correlation coefficients differed from those of the main analysis by less than .01 with only the first scan of"
        " each patient (2 correlations) and at most .04 with the attenuation of structures without their surface layer"
        " (1 correlation)."
    )
    assert len(sensitivity_sentences.methods(found)) == 2
    assert sensitivity_sentences.other_analyses(study_with(sensitivity=sensitivity())) == ""


def test_values_that_do_not_contribute_to_adjusted_correlations_are_counted():
    table = adjusted([0.1, 0.2], [0.1, 0.2]).assign(n=58, n_patients=58, n_informative=[58, 55])

    text = adjusted_sentences.left_out(table.assign(n_patients_informative=[58, 55]))

    assert text.endswith(
        "A further 0 to 3 values did not contribute, because no other patient had the same category of a covariate."
    )
    within = adjusted_sentences.left_out(table.assign(n_patients_informative=[58, 55]), within=True)
    assert within.endswith("because fewer than two other patients had the same covariates.")


def test_allometric_exponents_are_summarized_by_median_and_range(study_with):
    table = pd.DataFrame({"structure": ["organ_1", "organ_2", "organ_3"], "exponent": [1.04, 2.3, np.nan]})

    assert curve_sentences.body_size(study_with(body_size=table)) == (
        "The median allometric exponent of volume with body height was 1.7 (range, 1.0 to 2.3; 2 structures)."
    )
    one = curve_sentences.body_size(study_with(body_size=table.iloc[:1]))
    assert one == "The allometric exponent of volume with body height was 1.0."
    assert curve_sentences.body_size(study_with()) == ""
