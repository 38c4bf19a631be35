"""Tests of the simulated study: it has the published counts and correlations and is reproducible."""

import numpy as np
import pandas as pd
import pytest

import make_simulated_study
from ctpop.contracts.all_tables import PUBLISHED
from ctpop.study import label_sets
from ctpop.study.configuration import GROUPS_FILE, groups_of

SPECIFIED = make_simulated_study.read_structures()


@pytest.fixture(scope="module")
def patients():
    return make_simulated_study.draw_patients()


@pytest.fixture(scope="module")
def registry(patients):
    return make_simulated_study.registry_of(patients)


def test_the_registry_has_the_published_numbers_of_patients(registry):
    known = registry["age_years"].notna()
    complete, contrast = registry["complete"].eq("true"), registry["contrast"].eq("true")
    left = registry[known & complete & contrast]

    assert len(registry) == 4102
    assert (int((~known).sum()), int((~complete).sum()), int((~contrast).sum())) == (30, 33, 35)
    assert left["sex"].value_counts().to_dict() == {"male": 2543, "female": 1461}
    assert (left["age_years"].min(), left["age_years"].max()) == (18, 100)


def test_the_share_of_men_and_the_height_fall_with_age(registry):
    young, old = (registry[registry["age_years"].between(*ages)] for ages in ((18, 40), (80, 100)))

    assert young["sex"].eq("male").mean() > old["sex"].eq("male").mean() + 0.15
    assert young["height_cm"].mean() > old["height_cm"].mean() + 5


def test_each_structure_of_the_label_set_is_specified_once_and_equally_for_both_sides():
    label_set = label_sets.read("paper_104")
    columns = [column for column in SPECIFIED.columns if column not in {"structure", "lower_bound_ml"}]
    one = SPECIFIED.set_index("structure")[columns]

    assert SPECIFIED["structure"].tolist() == label_set.names
    pairs = [(left, right) for left, right in label_set.contralateral.items() if one.loc[left, "pooled"]]
    assert len(pairs) == 2 * 26
    for left, right in pairs:
        assert one.loc[left].equals(one.loc[right]), left


def test_exactly_the_published_correlations_are_specified_as_published():
    names = label_sets.read("paper_104").names
    group_of = {frozenset(members): group for group, members in groups_of(names).items()}
    printed = PUBLISHED.read_csv(GROUPS_FILE.with_name("published_results.csv")).dropna(subset=["members", "value"])
    expected = {}
    for row in printed.itertuples():
        members = frozenset(row.members.split(";"))
        expected[group_of.get(members, row.members), row.measure] = row.value
    found = {}
    for short, measure in (("volume", "volume_ml"), ("hu", "hu_mean")):
        rows = SPECIFIED[SPECIFIED[f"{short}_role"].eq("published")]
        found |= {(row["pooled"] or row["structure"], measure): row[f"{short}_rho"] for row in rows.to_dict("records")}

    assert found == expected
    assert len(found) == 13


def test_a_null_structure_is_independent_of_age_sex_and_height():
    volumes, hu = SPECIFIED[SPECIFIED["volume_role"].eq("null")], SPECIFIED[SPECIFIED["hu_role"].eq("null")]

    assert len(volumes) + len(hu) == 40
    assert volumes[["volume_rho", "volume_male", "volume_10cm"]].eq(0).all(axis=None)
    assert hu[["hu_rho", "hu_male"]].eq(0).all(axis=None)


def test_a_pool_has_the_specified_correlation_before_failures(patients):
    pool = SPECIFIED[SPECIFIED["pooled"].eq("kidneys")]

    volumes = make_simulated_study.volumes_of(pool, patients)

    assert make_simulated_study.rho_with_age(sum(volumes.values()), patients) == pytest.approx(-0.49, abs=1e-4)
    assert make_simulated_study.rho_with_age(volumes["kidney_left"], patients) > -0.485  # one side has more noise


def test_failures_are_zero_or_small_or_truncated_and_never_a_number_for_missing(patients):
    row = SPECIFIED[SPECIFIED["structure"].eq("humerus_left")].to_dict("records")[0]
    n = len(patients.ids)

    found = make_simulated_study.measures_of(row, np.full(n, 110.0), np.full(n, 380.0), patients)

    absent, cut = found["n_voxels"].eq(0), found["border_voxels"].gt(0)
    small = found["volume_ml"].between(0, row["lower_bound_ml"], inclusive="neither") & ~cut
    assert found.loc[absent, "hu_mean"].isna().all()
    assert found["hu_mean"].notna().sum() == n - absent.sum()
    assert found.loc[~(absent | cut | small), "volume_ml"].between(109.9, 110.1).all()
    assert all(10 < part.sum() < 150 for part in (absent, cut, small))
    assert np.average(patients.age, weights=absent | cut | small) > patients.age.mean() + 5


def test_the_simulated_study_is_reproducible(patients, registry):
    pool = SPECIFIED[SPECIFIED["structure"].eq("spleen")]
    again = make_simulated_study.draw_patients()

    pd.testing.assert_frame_equal(make_simulated_study.registry_of(again), registry)
    np.testing.assert_array_equal(
        make_simulated_study.volumes_of(pool, again)["spleen"],
        make_simulated_study.volumes_of(pool, patients)["spleen"],
    )
