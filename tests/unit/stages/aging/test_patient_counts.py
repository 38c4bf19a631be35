"""Tests of the patient counts that accompany the scan counts in every table of statistics."""

import numpy as np
import pandas as pd
import pytest

from ctpop.contracts import all_tables
from ctpop.contracts.tables import Table
from ctpop.stages.aging import adjust, centiles, command, effects
from ctpop.stages.aging.age_series import split
from ctpop.stages.aging.sensitivity import correlations
from ctpop.stats.covariates import covariates_of, joint
from ctpop.study.configuration import chosen
from ctpop.study.patients import patient_numbers

SCANS, PER_PATIENT = 240, 4
SETTINGS = chosen(command.AgingSettings, "aging", None)


def a_cohort(**columns):
    rng = np.random.default_rng(3)
    patients = np.arange(SCANS) // PER_PATIENT
    return pd.DataFrame(
        {
            "scan_id": [f"s{number:03}" for number in range(SCANS)],
            "patient_id": [f"p{number}" for number in patients],
            "age_years": rng.uniform(20, 90, SCANS // PER_PATIENT)[patients],
            "sex": np.where(patients % 2, "female", "male"),
            **columns,
        }
    )


def series_of(cohort):
    values = np.random.default_rng(4).lognormal(7, 0.2, len(cohort))
    analysis = pd.DataFrame(
        {"scan_id": cohort["scan_id"], "structure": "liver", "measure": "volume_ml", "value": values}
    )
    return split(adjust.with_positions(analysis.iloc[:200], cohort), ["liver"])


def tables_of(cohort):
    series = series_of(cohort)
    settings = chosen(adjust.AdjustmentSettings, "aging", None)
    covariates = covariates_of(cohort, None, [])
    patients = adjust.Patients(cohort, covariates, joint(covariates, 0.5), np.array([40.0, 55.0, 70.0]))
    first = series[:1]
    known = effects.effect_cohort(cohort, covariates, 0.5)
    outcomes = centiles.outcomes_of(first, cohort, centiles.CentileSettings(20, 20, [], 0.95))
    of_centiles = centiles.tables_of(outcomes, centiles.Source("made_up", "0" * 16, None))
    return {
        "normality": command.normality_table(first, SETTINGS),
        "associations": command.association_table(first, SETTINGS),
        "groups": command.group_table(first, patients.cuts, SETTINGS),
        "posthoc": command.posthoc_table(first, patients.cuts, SETTINGS),
        "sensitivity": pd.DataFrame(correlations("paper", first, SETTINGS)),
        "adjusted": pd.DataFrame(adjust.adjusted_rows(first[0], patients, settings)),
        "associations_by_sex": pd.DataFrame(adjust.by_sex_rows(first[0], patients, settings)),
        "rank_ancova": pd.DataFrame(adjust.ancova_rows(first[0], patients, settings)),
        "age_curves": pd.DataFrame(adjust.curve_rows(first[0], patients, settings)),
        **effects.effect_tables(first, known, chosen(effects.EffectSettings, "aging", None)),
        "centiles": of_centiles["centiles"],
        "centile_calibration": of_centiles["centile_calibration"],
        "centile_models": of_centiles["centile_models"],
    }


@pytest.fixture(scope="module")
def repeated():
    return tables_of(a_cohort())


WITH_SEX = {"associations_by_sex", "centiles", "centile_calibration", "centile_models"}


@pytest.mark.parametrize(
    "name",
    [*("normality", "associations", "groups", "sensitivity", "adjusted", "rank_ancova", "age_curves", "age_models")],
)
def test_scans_and_patients_are_counted_separately(repeated, name):
    assert repeated[name][["n", "n_patients"]].to_numpy().tolist() == [[200, 50]] * len(repeated[name])


@pytest.mark.parametrize("name", sorted(WITH_SEX))
def test_the_patients_of_a_sex_are_a_quarter_of_its_scans(repeated, name):
    table = repeated[name]

    assert len(table)
    assert table["n_patients"].mul(PER_PATIENT).eq(table["n"]).all()


def test_the_patients_of_quartiles_are_those_of_their_scans(repeated):
    """Check quartiles with all scans of a patient at the same age, so that no patient is in two quartiles."""
    [groups] = repeated["groups"].to_dict("records")

    assert sum(groups[f"n_{group}"] for group in range(1, 5)) == 200
    assert all(groups[f"n_{group}"] == PER_PATIENT * groups[f"n_patients_{group}"] for group in range(1, 5))
    for row in repeated["posthoc"].to_dict("records"):
        for end in "ab":
            group = row[f"group_{end}"]
            assert row[f"n_{end}"] == groups[f"n_{group}"]
            assert row[f"n_patients_{end}"] == groups[f"n_patients_{group}"]


def test_the_patients_near_an_age_are_a_quarter_of_the_scans(repeated):
    table = repeated["centiles"]

    assert table["n_near"].max() > 0
    assert table["n_patients_near"].mul(PER_PATIENT).eq(table["n_near"]).all()


def test_excluded_patients_are_counted():
    cohort = a_cohort()
    cohort["sex"] = cohort["sex"].mask(cohort.index < 6)  # four scans of the first patient, two of the second

    adjusted = tables_of(cohort)["adjusted"]

    assert adjusted[["n_left_out", "n_patients_left_out"]].to_numpy().tolist() == [[6, 2]] * len(adjusted)
    assert adjusted["n_patients"].eq(49).all()  # the second patient also has scans of known sex


def test_without_patient_ids_each_scan_counts_as_a_patient():
    tables = tables_of(a_cohort(patient_id=pd.Series([None] * SCANS, dtype="str")))

    assert len(tables) > 9
    for table in tables.values():
        numbers = [name for name in table.columns if name == "n" or (name.startswith("n_") and name != "n_strata")]
        for name in (name for name in numbers if not name.startswith("n_patients")):
            assert table[f"n_patients{name[1:]}"].eq(table[name]).all()


def test_a_scan_without_a_patient_id_counts_as_a_patient():
    cohort = pd.DataFrame({"patient_id": ["p", None, "p", None, "q"]})

    assert patient_numbers(cohort).tolist() == [0, 1, 0, 2, 3]


def test_every_table_with_scan_counts_has_patient_counts():
    tables = [table for table in vars(all_tables).values() if isinstance(table, Table) and "rho" in table.columns]

    assert len(tables) >= 4
    assert all("n_patients" in table.columns for table in tables)
