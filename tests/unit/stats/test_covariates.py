"""Continuous and categorical covariates, and invalid columns of the registry."""

import numpy as np
import pandas as pd
import pytest
import yaml

from ctpop.foundation.errors import ContractError
from ctpop.stats.covariates import covariates_of, joint, named
from ctpop.study.column_names import USUAL_COVARIATES
from ctpop.study.registry import read_registry
from ctpop.study.registry_options import reading_of

KINDS = ["kvp", "scanner", "phase"]


def a_cohort(**columns):
    n = len(next(iter(columns.values())))
    patients = {"scan_id": [f"s{number}" for number in range(n)], "age_years": np.linspace(20, 90, n)}
    return pd.DataFrame({**patients, **{name: pd.Series(values, dtype="str") for name, values in columns.items()}})


def test_numeric_text_is_continuous_and_missing_values_stay_missing():
    [height] = covariates_of(a_cohort(height_cm=["170", None, "181.5"]), ["height_cm"], KINDS)

    assert not height.of_kinds
    np.testing.assert_array_equal(height.values, [170, np.nan, 181.5])


def test_words_are_levels_in_alphabetical_order():
    [phase] = covariates_of(a_cohort(phase=["venous", "arterial", None, "venous"]), ["phase"], [])

    assert phase.of_kinds
    np.testing.assert_array_equal(phase.values, [1, 0, np.nan, 1])


def test_numeric_codes_are_levels_if_the_column_is_categorical():
    cohort = a_cohort(site=["3", "1", "3"])

    assert covariates_of(cohort, ["site"], ["site"])[0].of_kinds
    assert not covariates_of(cohort, ["site"], [])[0].of_kinds


def test_boolean_values_are_levels():
    cohort = a_cohort(height_cm=["1", "2"]).assign(contrast=pd.array([True, None], dtype="boolean"))

    [contrast] = covariates_of(cohort, ["contrast"], [])

    assert contrast.of_kinds
    np.testing.assert_array_equal(contrast.values, [0, np.nan])


def test_a_covariate_without_values_is_missing_for_all_patients():
    [sex] = covariates_of(a_cohort(sex=[None, None]), None, [])

    assert np.isnan(sex.values).all()
    assert not sex.varies


def test_numbers_mixed_with_words_are_rejected():
    with pytest.raises(
        ContractError, match=r"covariate 'height_cm' must contain a number .* found 'unknown' in 2 rows"
    ):
        covariates_of(a_cohort(height_cm=["170", "unknown", "unknown"]), None, KINDS)


@pytest.mark.parametrize("odd", ["inf", "nan"])
def test_infinite_numbers_are_rejected(odd):
    with pytest.raises(ContractError, match=f"found '{odd}' in 1 row"):
        covariates_of(a_cohort(height_cm=["170", odd]), None, KINDS)


def test_the_default_covariates_are_the_usual_columns_of_the_registry():
    cohort = a_cohort(year=["2011", "2012"], bmi=["22", "25"], sex=["male", "female"])

    assert [part.name for part in covariates_of(cohort, None, KINDS)] == ["sex", "year"]
    assert [part.name for part in covariates_of(cohort, ["bmi"], KINDS)] == ["bmi"]
    assert covariates_of(cohort, [], KINDS) == []
    assert set(KINDS) < set(USUAL_COVARIATES)


@pytest.mark.parametrize("wrong", ["heigth_cm", "age_years", "scan_id"])
def test_a_column_that_cannot_be_a_covariate_is_rejected(wrong):
    cohort = a_cohort(height_cm=["170", "180"])

    with pytest.raises(ContractError, match=f"aging.covariates: '{wrong}' is not a column .* found height_cm"):
        covariates_of(cohort, [wrong], KINDS)


def test_a_misspelled_column_is_rejected_with_the_correct_name():
    with pytest.raises(ContractError, match="did you mean 'height_cm'"):
        covariates_of(a_cohort(height_cm=["170", "180"]), ["heigth_cm"], KINDS)


def test_constant_and_rarely_known_covariates_are_not_adjusted_for_jointly():
    cohort = a_cohort(
        sex=["male", "female", "male", "male"],
        height_cm=["170", None, None, None],
        kvp=["100", "100", "100", "100"],
        year=["2011", "2012", None, None],
    )
    covariates = covariates_of(cohort, None, KINDS)

    assert named(joint(covariates, 0.5)) == "sex + year"
    assert named(joint(covariates, 0.6)) == "sex"
    assert named([]) == "none"


def test_spellings_of_one_level_are_merged_and_reported(caplog):
    words = ["Siemens", "SIEMENS", "GE", "siemens ", "unknown", None]
    with caplog.at_level("INFO"):
        [scanner] = covariates_of(a_cohort(scanner=words), ["scanner"], KINDS)

    np.testing.assert_array_equal(scanner.values, [1, 1, 0, 1, np.nan, np.nan])
    assert "covariate scanner: words read as missing values: 'unknown' (cells: 1)" in caplog.text
    assert "covariate scanner: 'Siemens' and 'SIEMENS' and 'siemens' are read as one level" in caplog.text


def test_two_notations_of_a_number_are_one_level():
    [phase] = covariates_of(a_cohort(phase=["1", "1.0", "2", "2.00"]), ["phase"], KINDS)

    np.testing.assert_array_equal(phase.values, [0, 0, 1, 1])


@pytest.mark.parametrize("unit", [" kg", "%", " kg/m²", "kg", " ± 2"])
def test_numbers_with_units_are_not_levels(unit):
    words = [f"{number}.5{unit}" for number in range(20, 30)]

    with pytest.raises(ContractError, match="must contain numbers or categories, found 10 numbers with units"):
        covariates_of(a_cohort(bmi=words), ["bmi"], [])
    assert covariates_of(a_cohort(bmi=words), ["bmi"], ["bmi"])[0].of_kinds


def test_doses_and_kernels_can_be_levels():
    words = ["100 kV", "120 kV", "100 kV", "B30f", "B40f", "120 kV"]

    assert covariates_of(a_cohort(protocol=words), ["protocol"], [])[0].of_kinds


@pytest.mark.parametrize("word", ["999", "-9", "-99"])
def test_a_code_for_a_missing_value_is_rejected(word):
    values = ["24.1", "26.3", "31.7", "22.9", "27.5", word, word]

    with pytest.raises(ContractError, match=f"column bmi: {word} in 2 rows is probably a code for a missing"):
        covariates_of(a_cohort(bmi=values), ["bmi"], [])


@pytest.mark.parametrize("word", ["-9", "-9.0", "-9,0"])
@pytest.mark.parametrize("column", ["bmi", "Fat %"])
def test_the_printed_settings_for_a_number_apply_only_to_its_column(tmp_path, word, column):
    values = [value.replace(".", "," if "," in word else ".") for value in ("24.1", "26.3", "31.7", "22.9")] + [
        word
    ] * 2
    rows = "".join(f"s{number};61;{value};{value}\n" for number, value in enumerate(values))
    (tmp_path / "r.csv").write_text(f"scan_id;age_years;{column};other\n{rows}")

    def covariate(settings):
        cohort = read_registry(tmp_path / "r.csv", reading_of(settings))
        assert cohort["other"].notna().all()
        return covariates_of(cohort, [column], [], settings["values"])[0].values

    with pytest.raises(ContractError) as refused:
        covariate({"values": {}})
    missing, _, meant = str(refused.value).partition("set cohort: ")[2].partition(", or ")
    assert np.isnan(covariate(yaml.safe_load(missing))).tolist() == [False] * 4 + [True] * 2
    real = {"values": {column: yaml.safe_load(meant.partition(" if")[0])}}
    assert covariate(real).tolist()[4:] == [-9, -9]


def test_a_covariate_in_another_spelling_is_rejected_with_the_column_name():
    with pytest.raises(ContractError, match="did you mean 'BMI'"):
        covariates_of(a_cohort(BMI=["24.5", "27.1"]), ["bmi"], [])
