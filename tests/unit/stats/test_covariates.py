"""Continuous and categorical covariates, and invalid columns of the registry."""

import numpy as np
import pandas as pd
import pytest
import yaml

from ctpop.foundation.errors import ContractError
from ctpop.stats.covariates import collinear_with_age, covariates_of, joint, named
from ctpop.stats.design import Covariate
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


DAYS = [f"20{number:02}-03-{number + 1:02}" for number in range(24)]


@pytest.mark.parametrize(
    "form",
    [
        lambda day: day,
        lambda day: day.replace("-", ""),
        lambda day: ".".join(reversed(day.split("-"))),
        lambda day: f"{day} 00:00:00",
        lambda day: f"{day}T10:15:30",
    ],
    ids=["ISO", "DICOM", "German", "with a time", "ISO with a time"],
)
@pytest.mark.parametrize("categorical", [[], ["study_date"]])
def test_dates_are_rejected_with_the_line_that_omits_them(form, categorical):
    cells = [form(day) for day in DAYS]
    cohort = a_cohort(study_date=cells, height_cm=["170", "180"] * 12)

    with pytest.raises(ContractError) as refused:
        covariates_of(cohort, ["study_date", "height_cm"], categorical)

    message = str(refused.value)
    assert f"covariate 'study_date' is a date in 24 of 24 values, such as '{cells[0]}'; use the year" in message
    assert yaml.safe_load(message.partition("set aging: ")[2]) == {"covariates": ["height_cm"]}


def test_a_column_is_a_date_if_more_than_half_of_its_values_are_dates():
    cells = [*DAYS[:12], *["unknown"] * 12]

    assert covariates_of(a_cohort(study_date=cells), ["study_date"], [])[0].of_kinds
    with pytest.raises(ContractError, match="is a date in 13 of 24 values"):
        covariates_of(a_cohort(study_date=[*DAYS[:13], *cells[13:]]), ["study_date"], [])


def test_years_and_other_numbers_are_not_dates():
    cohort = a_cohort(year=[str(number) for number in range(1990, 2036)], dose=[f"{i}.5" for i in range(2000, 2046)])

    assert [part.of_kinds for part in covariates_of(cohort, ["year", "dose"], [])] == [False, False]


def test_identifiers_are_rejected_without_their_values():
    cohort = a_cohort(sex=["male", "female"] * 12, accession=[f"A{number}" for number in range(24)])

    with pytest.raises(ContractError) as refused:
        covariates_of(cohort, ["sex", "accession"], [])

    message = str(refused.value)
    assert "covariate 'accession' has 24 different values in 24 patients" in message
    assert "A1" not in message
    assert yaml.safe_load(message.partition("set aging: ")[2]) == {"covariates": ["sex"]}


def test_identifiers_are_different_for_more_than_half_of_the_patients():
    words = [f"site {number // 2}" for number in range(48)]

    assert covariates_of(a_cohort(site=words), ["site"], [])[0].of_kinds
    with pytest.raises(ContractError, match="has 25 different values in 48 patients"):
        covariates_of(a_cohort(site=["site A", *words[1:]]), ["site"], [])


def test_an_identifier_of_patients_with_several_scans_is_rejected():
    cohort = a_cohort(patient_id=[f"p{i // 4}" for i in range(120)], name=[f"N{i // 4}" for i in range(120)])

    with pytest.raises(ContractError, match="has 30 different values in 30 patients"):
        covariates_of(cohort, ["name"], [])


def test_different_numbers_are_not_identifiers_unless_they_are_categories():
    cohort = a_cohort(height_cm=[f"{150 + number / 10}" for number in range(100)])

    assert not covariates_of(cohort, ["height_cm"], [])[0].of_kinds
    with pytest.raises(ContractError, match="has 100 different values"):
        covariates_of(cohort, ["height_cm"], ["height_cm"])


def test_unsuitable_columns_that_were_selected_automatically_are_left_out(caplog):
    cohort = a_cohort(sex=["male", "female"] * 12, scanner=[f"serial {number}" for number in range(24)], year=DAYS)

    with caplog.at_level("WARNING"):
        covariates = covariates_of(cohort, None, KINDS)

    assert {part.name: part.suitable for part in covariates} == {"sex": True, "scanner": False, "year": False}
    assert named(joint(covariates, 0.5)) == "sex"
    assert "covariate scanner is left out of all adjustments: the column has 24 different values" in caplog.text
    assert "covariate year is left out of all adjustments: the column is a date" in caplog.text


def test_covariates_that_age_determines_are_named():
    random = np.random.default_rng(0)
    ages = random.uniform(20, 90, 200)
    year = random.integers(2010, 2020, 200).astype(float)
    birth = Covariate("birth_year", np.floor(2020 - ages), of_kinds=False)
    scan = Covariate("year", year, of_kinds=False)
    height = Covariate("height_cm", random.normal(170, 9, 200), of_kinds=False)

    assert collinear_with_age([height, birth], ages) == ["birth_year"]
    assert collinear_with_age([height, scan], ages) == []
    assert collinear_with_age([], ages) == []
    assert collinear_with_age([height.among(np.arange(4))], ages[:4]) == []


def test_covariates_that_determine_age_only_together_are_named():
    random = np.random.default_rng(0)
    ages, shift = random.uniform(20, 90, (2, 200))
    parts = [Covariate(name, values, of_kinds=False) for name, values in (("a", ages + shift), ("b", shift))]
    height = Covariate("height_cm", random.normal(170, 9, 200), of_kinds=False)

    assert collinear_with_age([*parts, height], ages) == ["a", "b"]
