"""Laws of screening: no setting makes a value out of nothing, and strictness only ever takes away."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from ctpop.schema import FACES, MEASURE_STATUS, MEASURES_TABLE
from ctpop.screen import judge, usable_values

law = settings(deadline=None, max_examples=25, derandomize=True)

STRUCTURES = ("liver", "spleen", "heart")
VOLUMES = st.one_of(st.none(), st.just(0.0), st.floats(0, 2000))
ROWS = st.tuples(
    st.sampled_from(["measured", "measured", "measured", *MEASURE_STATUS]),
    VOLUMES,
    st.one_of(st.none(), st.floats(-1000, 3000)),
    st.one_of(st.none(), st.sampled_from(FACES)),
)
SCANS = st.lists(st.tuples(ROWS, ROWS, ROWS), min_size=1, max_size=8)
BOUNDS = st.dictionaries(st.sampled_from(STRUCTURES), st.floats(0, 2000))
TRUTHS = st.booleans()
USABLE = ["usable_volume", "usable_hu"]


def measures_of(scans):
    """Return measures that the contract allows: whoever was not measured has no numbers."""
    rows = [
        {"scan_id": f"s{number}", "structure": structure, **row_of(*values)}
        for number, scan in enumerate(scans)
        for structure, values in zip(STRUCTURES, scan, strict=True)
    ]
    return MEASURES_TABLE.check(pd.DataFrame(rows).reindex(columns=list(MEASURES_TABLE.columns)))


def row_of(status, volume, hu, faces):
    if status != "measured":
        return {"status": status}
    n_voxels = None if volume is None else int(np.ceil(volume * 100))
    return {"status": status, "volume_ml": volume, "n_voxels": n_voxels, "hu_mean": hu, "faces": faces}


@law
@given(SCANS, BOUNDS, st.dictionaries(st.sampled_from(STRUCTURES), st.floats(0, 2000)), TRUTHS)
def test_a_stricter_bound_never_makes_a_value_usable(scans, bounds, increases, use_truncated_hu):
    measures = measures_of(scans)
    stricter = {name: bounds.get(name, 0) + increases.get(name, 0) for name in {*bounds, *increases}}

    loose = judge(measures, bounds, use_truncated_hu=use_truncated_hu)
    strict = judge(measures, stricter, use_truncated_hu=use_truncated_hu)

    assert (strict[USABLE] <= loose[USABLE]).all(axis=None)


@law
@given(SCANS, BOUNDS, TRUTHS)
def test_a_usable_value_is_there(scans, bounds, use_truncated_hu):
    measures = measures_of(scans)

    verdicts = judge(measures, bounds, use_truncated_hu=use_truncated_hu)

    assert measures.loc[verdicts["usable_volume"], "volume_ml"].gt(0).all()
    assert measures.loc[verdicts["usable_hu"], "hu_mean"].notna().all()
    assert measures.loc[verdicts[USABLE].any(axis=1), "status"].eq("measured").all()


@law
@given(SCANS, BOUNDS, TRUTHS)
def test_a_usable_volume_reaches_its_bound_and_stays_inside_the_image(scans, bounds, use_truncated_hu):
    measures = measures_of(scans)

    usable = measures[judge(measures, bounds, use_truncated_hu=use_truncated_hu)["usable_volume"]]

    assert all(row.volume_ml >= bounds.get(row.structure, 0) for row in usable.itertuples())
    assert usable["faces"].isna().all()


@law
@given(SCANS, BOUNDS)
def test_the_use_of_truncated_attenuation_changes_no_reason_and_no_volume_and_only_adds(scans, bounds):
    measures = measures_of(scans)

    without = judge(measures, bounds, use_truncated_hu=False)
    with_it = judge(measures, bounds, use_truncated_hu=True)

    pd.testing.assert_frame_equal(with_it.drop(columns="usable_hu"), without.drop(columns="usable_hu"))
    gained = with_it["usable_hu"] & ~without["usable_hu"]
    assert (without["usable_hu"] <= with_it["usable_hu"]).all()
    assert with_it.loc[gained, "reason"].eq("truncated").all()


@law
@given(SCANS, BOUNDS, TRUTHS)
def test_ok_is_the_only_reason_with_a_usable_volume(scans, bounds, use_truncated_hu):
    verdicts = judge(measures_of(scans), bounds, use_truncated_hu=use_truncated_hu)

    assert set(verdicts.loc[verdicts["usable_volume"], "reason"]) <= {"ok"}
    assert set(verdicts.loc[verdicts["usable_hu"], "reason"]) <= {"ok", "truncated"}


@law
@given(SCANS, BOUNDS, TRUTHS)
def test_the_verdict_on_a_row_does_not_depend_on_the_other_rows(scans, bounds, use_truncated_hu):
    measures = measures_of(scans)
    together = judge(measures, bounds, use_truncated_hu=use_truncated_hu)

    half = measures.iloc[::2].sample(frac=1, random_state=0)
    alone = judge(half, bounds, use_truncated_hu=use_truncated_hu)

    pd.testing.assert_frame_equal(alone, together.iloc[::2].reset_index(drop=True))


@law
@given(SCANS, BOUNDS, TRUTHS)
def test_what_enters_the_statistics_is_exactly_what_is_usable(scans, bounds, use_truncated_hu):
    measures = measures_of(scans)
    verdicts = judge(measures, bounds, use_truncated_hu=use_truncated_hu)

    values = usable_values(measures, verdicts)

    long = measures.melt(["scan_id", "structure"], ["volume_ml", "hu_mean"], "measure", "value")
    flags = verdicts.melt(["scan_id", "structure"], USABLE, "flag", "usable")
    expected = long[flags["usable"].to_numpy()].sort_values(["scan_id", "structure", "measure"], ignore_index=True)
    pd.testing.assert_frame_equal(values, expected[values.columns], check_dtype=False)
