"""Properties of groups: attenuation is that of all voxels combined, and groups do not affect other rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ctpop.stages.screen.groups import Groups, group_values, with_groups
from ctpop.stages.screen.rows import numbered
from ctpop.stages.screen.usable_values import usable_values
from support.laws import law

NAMES = ["a", "b", "c", "d", "other"]
MEMBERS = NAMES[:4]


@st.composite
def scans(draw):
    """Return measures of a few scans, their voxels, and the usable rows."""
    n_scans = draw(st.integers(1, 4))
    keys = [(f"s{number}", name) for number in range(n_scans) for name in NAMES]
    voxels = {key: draw(st.lists(st.integers(-1024, 3000), min_size=0, max_size=6)) for key in keys}
    rows = [
        {
            "scan_id": scan,
            "structure": name,
            "volume_ml": 0.5 * len(found),
            "hu_mean": np.mean(found) if found else np.nan,
        }
        for (scan, name), found in voxels.items()
    ]
    free = {key: bool(found) and draw(st.booleans()) for key, found in voxels.items()}
    return pd.DataFrame(rows), voxels, free


def grouped(measures, free, members=MEMBERS):
    rows = numbered(measures)
    usable = np.array([free[key] for key in zip(measures["scan_id"], measures["structure"], strict=True)])
    usable = {"volume_ml": usable, "hu_mean": usable}
    values = usable_values(rows, usable)
    return values, group_values(rows, usable, Groups({"group": list(members)}, 0.5))


@law(15)
@given(scans())
def test_a_group_is_the_union_of_the_voxels_of_its_members(study):
    measures, voxels, free = study

    table = grouped(measures, free)[1].set_index(["scan_id", "measure"])["value"]

    for scan in measures["scan_id"].unique():
        found = [voxels[scan, name] for name in MEMBERS if free[scan, name]]
        together = [hu for part in found for hu in part]
        if len(found) == len(MEMBERS):
            assert table[scan, "volume_ml"] == 0.5 * len(together)
        else:
            assert np.isnan(table[scan, "volume_ml"])
        if 2 * len(found) >= len(MEMBERS):
            np.testing.assert_allclose(table[scan, "hu_mean"], np.mean(together), rtol=1e-9, atol=1e-9)
        else:
            assert np.isnan(table[scan, "hu_mean"])


@law(15)
@given(scans(), st.permutations(MEMBERS))
def test_the_order_of_members_has_no_effect(study, order):
    measures, _, free = study

    one, other = (grouped(measures, free, members)[1] for members in (MEMBERS, order))

    np.testing.assert_allclose(one["value"], other["value"], rtol=1e-12)
    assert one.drop(columns="value").equals(other.drop(columns="value"))


@law(15)
@given(scans())
def test_values_of_single_structures_do_not_change(study):
    measures, _, free = study
    values, table = grouped(measures, free)

    both = with_groups(values, table)

    kept = both[both["structure"] != "group"].astype(dict.fromkeys(("scan_id", "structure", "measure"), "str"))
    pd.testing.assert_frame_equal(kept.reset_index(drop=True), values.astype(kept.dtypes.to_dict()))
    assert len(both) - len(values) == table["value"].notna().sum()


@law(15)
@given(scans())
def test_group_values_of_a_scan_do_not_depend_on_other_scans(study):
    measures, _, free = study
    first = measures["scan_id"] == measures["scan_id"].min()

    alone = grouped(measures[first].reset_index(drop=True), free)[1]
    together = grouped(measures, free)[1].query("scan_id == @measures.scan_id.min()")

    np.testing.assert_array_equal(alone["value"], together["value"])


def test_failures_related_to_age_change_neither_attenuation_nor_sums():
    random = np.random.default_rng(1)
    n, members = 4004, [f"rib_{number}" for number in range(24)]
    decades = (random.uniform(18, 100, n) - 59) / 24
    size = np.linspace(8, 30, 24) * np.exp(0.18 * random.normal(size=(n, 1)) - 0.06 * decades[:, None])
    hu = 300 - 45 * decades[:, None] + 40 * random.normal(size=(n, 1)) + 20 * random.normal(size=(n, 24))
    risk = np.exp(decades)
    usable = random.random((n, 24)) > 0.05 * (risk / risk.mean())[:, None]
    keys = pd.MultiIndex.from_product([[f"s{number:04d}" for number in range(n)], members])
    rows = pd.DataFrame({"volume_ml": size.ravel(), "hu_mean": hu.ravel()}, index=keys).reset_index(
        names=["scan_id", "structure"]
    )
    free = dict.fromkeys(("volume_ml", "hu_mean"), usable.ravel())

    found = group_values(numbered(rows), free, Groups({"ribs": members}, 0.5)).astype({"measure": "str"})

    def rho(values):
        there = ~np.isnan(values)
        return stats.spearmanr(values[there], decades[there]).statistic

    given = {measure: part["value"].to_numpy() for measure, part in found.groupby("measure")}
    true_volume, true_hu = size.sum(axis=1), (size * hu).sum(axis=1) / size.sum(axis=1)
    whole = usable.all(axis=1)
    assert 0.3 < whole.mean() < 0.6
    np.testing.assert_allclose(given["volume_ml"][whole], true_volume[whole])
    assert np.isnan(given["volume_ml"][~whole]).all()
    assert rho(given["hu_mean"]) == pytest.approx(rho(true_hu), abs=0.005)
    assert rho(np.where(usable, size, 0).sum(axis=1)) < rho(true_volume) - 0.1  # the sum of the remaining members
    assert rho(np.where(whole, true_hu, np.nan)) > rho(true_hu) + 0.1  # the value of patients with all ribs
