"""The simulated study is drawn as the paper counts it, and alike whenever it is drawn."""

import numpy as np
import pandas as pd
import pytest

import make_simulated_study
from ctpop.contracts.all_tables import PUBLISHED
from ctpop.study import label_sets
from ctpop.study.configuration import GROUPS_FILE, groups_of

ASKED = make_simulated_study.read_structures()


@pytest.fixture(scope="module")
def patients():
    return make_simulated_study.draw_people()


@pytest.fixture(scope="module")
def registry(patients):
    return make_simulated_study.registry_of(patients)


def test_the_registry_has_the_people_of_the_paper(registry):
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


def test_every_structure_of_the_paper_is_asked_for_once_and_sides_alike():
    label_set = label_sets.read("paper_104")
    columns = [column for column in ASKED.columns if column not in {"structure", "lower_bound_ml"}]
    one = ASKED.set_index("structure")[columns]

    assert ASKED["structure"].tolist() == label_set.names
    pairs = [(left, right) for left, right in label_set.contralateral.items() if one.loc[left, "pooled"]]
    assert len(pairs) == 2 * 26
    for left, right in pairs:
        assert one.loc[left].equals(one.loc[right]), left


def test_each_printed_correlation_is_asked_for_and_no_other_is_called_published():
    names = label_sets.read("paper_104").names
    group_of = {frozenset(members): group for group, members in groups_of(names).items()}
    printed = PUBLISHED.read_csv(GROUPS_FILE.with_name("published_results.csv")).dropna(subset=["members", "value"])
    expected = {}
    for row in printed.itertuples():
        members = frozenset(row.members.split(";"))
        expected[group_of.get(members, row.members), row.measure] = row.value
    asked = {}
    for short, measure in (("volume", "volume_ml"), ("hu", "hu_mean")):
        rows = ASKED[ASKED[f"{short}_role"].eq("published")]
        asked |= {(row["pooled"] or row["structure"], measure): row[f"{short}_rho"] for row in rows.to_dict("records")}

    assert asked == expected
    assert len(asked) == 13


def test_a_null_structure_depends_on_nothing():
    volumes, hu = ASKED[ASKED["volume_role"].eq("null")], ASKED[ASKED["hu_role"].eq("null")]

    assert len(volumes) + len(hu) == 40
    assert volumes[["volume_rho", "volume_male", "volume_10cm"]].eq(0).all(axis=None)
    assert hu[["hu_rho", "hu_male"]].eq(0).all(axis=None)


def test_a_pool_has_the_wanted_correlation_before_anything_fails(patients):
    pool = ASKED[ASKED["pooled"].eq("kidneys")]

    volumes = make_simulated_study.volumes_of(pool, patients)

    assert make_simulated_study.rho_with_age(sum(volumes.values()), patients) == pytest.approx(-0.49, abs=1e-4)
    assert make_simulated_study.rho_with_age(volumes["kidney_left"], patients) > -0.485  # a side alone is noisier


def test_failures_are_zero_or_small_or_cut_off_and_never_a_number_for_missing(patients):
    row = ASKED[ASKED["structure"].eq("humerus_left")].to_dict("records")[0]
    n = len(patients.ids)

    found = make_simulated_study.measures_of(row, np.full(n, 110.0), np.full(n, 380.0), patients)

    absent, cut = found["n_voxels"].eq(0), found["border_voxels"].gt(0)
    small = found["volume_ml"].between(0, row["lower_bound_ml"], inclusive="neither") & ~cut
    assert found.loc[absent, "hu_mean"].isna().all()
    assert found["hu_mean"].notna().sum() == n - absent.sum()
    assert found.loc[~(absent | cut | small), "volume_ml"].between(109.9, 110.1).all()
    assert all(10 < part.sum() < 150 for part in (absent, cut, small))
    assert np.average(patients.age, weights=absent | cut | small) > patients.age.mean() + 5


def test_the_simulated_study_is_drawn_alike_again(patients, registry):
    pool = ASKED[ASKED["structure"].eq("spleen")]
    again = make_simulated_study.draw_people()

    pd.testing.assert_frame_equal(make_simulated_study.registry_of(again), registry)
    np.testing.assert_array_equal(
        make_simulated_study.volumes_of(pool, again)["spleen"],
        make_simulated_study.volumes_of(pool, patients)["spleen"],
    )
