"""Simulation of cohorts with the same effect of age and different age distributions."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from ctpop.stages.aging import compare, compared_studies
from ctpop.stats.correlation import spearman
from support import age_models

SLOPE, SPREAD, N = -9.0, 17.0, 1000
RANGES = {"wide": (18, 100), "skewed": (18, 100), "middle": (40, 80), "narrow": (55, 74)}
PAIRS = list(combinations(RANGES, 2))


def ages_of(name, random, n):
    low, high = RANGES[name]
    shares = random.beta(1.2, 3, n) if name == "skewed" else random.uniform(size=n)
    return low + (high - low) * shares


def cohort(name, seed, slope=SLOPE, n=N):
    """Return a study of one structure with a straight line."""
    random = np.random.default_rng(seed)
    ages = ages_of(name, random, n)
    values = slope * (ages - 50) / 10 + SPREAD * random.standard_normal(n)
    knots = age_models.KNOTS if np.ptp(ages) >= 25 else age_models.LINE
    rho = spearman(ages, values, 0.95)
    result = {"rho": rho.rho, "ci_low": rho.ci_low, "ci_high": rho.ci_high, "n": n, "n_patients": n}
    key = {"structure": "liver", "measure": "hu_mean", "family": "structures"}
    scans = pd.DataFrame(columns=["scan_id", "patient_id", "images_digest", "mask_sha256", "age_years", "sex"])
    return compared_studies.ComparedStudy(
        name=name,
        config={"aging": {"confidence": 0.95, "equivalence_margin": 0.1}},
        associations=pd.DataFrame([key | result]),
        members={},
        scans=scans,
        models=age_models.table_of(age_models.model_row(values, ages, knots=knots)),
        values=pd.DataFrame({**key, "value": values, "age_years": ages, "patient": np.arange(n)}),
    )


def compared(repeats, slope=SLOPE):
    pairs = [(*names, 10 * repeat + place) for repeat in range(repeats) for place, names in enumerate(PAIRS)]
    return pd.concat(
        [
            compare.compare(cohort(first, [seed, 0]), cohort(second, [seed, 1], slope)).assign(
                first=first, second=second
            )
            for first, second, seed in pairs
        ],
        ignore_index=True,
    )


@pytest.fixture(scope="module")
def same_law():
    return compared(8)


def test_cohorts_with_the_same_effect_are_not_classified_as_different(same_law):
    assert len(same_law) == 48
    assert same_law["outcome"].isin(["equivalent", "inconclusive"]).mean() >= 0.95
    covered = same_law["difference_low"].lt(0) & same_law["difference_high"].gt(0)
    assert covered.sum() >= 41  # of 48: 41 or fewer have a probability of 0.5% for a coverage of 95%


def test_wide_cohorts_are_equivalent_and_narrow_cohorts_are_not_assessed(same_law):
    wide = same_law[same_law["first"].eq("wide") & same_law["second"].isin(["skewed", "middle"])]
    narrow = same_law[same_law["second"].eq("narrow")]

    assert wide["outcome"].eq("equivalent").mean() >= 0.5
    assert narrow["outcome"].eq("equivalent").mean() <= 0.2


def test_correlations_are_not_tested_in_different_ages(same_law):
    deviations = same_law[["age_sd_a", "age_sd_b"]]
    differ = deviations.max(axis="columns") >= 1.1 * deviations.min(axis="columns")

    assert differ.sum() >= 40
    assert same_law.loc[differ, ["rho_z", "p_rho", "rho_difference_low"]].isna().all(axis=None)
    rho = same_law.loc[same_law["second"].eq("narrow"), ["rho_a", "rho_b"]].mean()
    assert rho["rho_a"] < rho["rho_b"] - 0.2  # a z test would reject equal effects


def test_correlations_for_uniform_ages_agree(same_law):
    known = same_law[same_law["rho_uniform_reason"].eq("ok")]
    covered = known["rho_uniform_difference_low"].lt(0) & known["rho_uniform_difference_high"].gt(0)

    assert len(known) == 48
    assert covered.sum() >= 41


def test_cohorts_with_different_effects_are_never_equivalent():
    found = compared(2, slope=SLOPE + 6)

    wide = found[found["second"].isin(["skewed", "middle"])]
    assert not found["outcome"].eq("equivalent").any()
    assert wide["outcome"].eq("different").mean() >= 0.8
