"""Tables whose values are in other units than ml and HU are refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ctpop.foundation.errors import ContractError
from ctpop.study import label_sets
from ctpop.study.table_units import refuse_other_units

TYPICAL = {"liver": (1500, 105), "spleen": (200, 120), "kidney_left": (160, 150), "aorta": (180, 160)}
BOUNDS = dict(
    zip(label_sets.read("total_117").names, label_sets.read("total_117").table["lower_bound_ml"], strict=True)
)


def rows(scans=6, volume=lambda ml: ml, hu=lambda value: value):
    random = np.random.default_rng(1)
    return pd.DataFrame(
        [
            {"structure": name, "volume_ml": volume(ml * random.normal(1, 0.1)), "hu_mean": hu(value + random.normal())}
            for _ in range(scans)
            for name, (ml, value) in TYPICAL.items()
        ]
    )


def refusal(found):
    with pytest.raises(ContractError) as refused:
        refuse_other_units(found, BOUNDS, Path("m.csv"))
    return str(refused.value)


def test_values_in_ml_and_hu_are_accepted():
    refuse_other_units(rows(), BOUNDS, Path("m.csv"))
    refuse_other_units(rows(hu=lambda value: value - 100), BOUNDS, Path("m.csv"))  # without contrast agent


def test_volumes_in_other_units_are_refused_with_the_setting_that_names_theirs():
    assert '{"*_volume_ml": "*_volume_mm3"}' in refusal(rows(volume=lambda ml: ml * 1000))
    assert '{"*_volume_mm3": "*_volume_ml"}' in refusal(rows(volume=lambda ml: ml / 1000))


@pytest.mark.parametrize("hu", [lambda value: value + 1024, lambda value: value + 1000])
def test_attenuation_with_an_offset_is_refused(hu):
    assert "which cannot be HU (-200 to 600)" in refusal(rows(hu=hu))


def test_attenuation_on_a_scale_from_0_to_1_is_refused():
    assert "a scale of 0 to 1" in refusal(rows(hu=lambda value: (value + 1024) / 4095))


def test_few_and_missing_values_decide_nothing():
    refuse_other_units(rows(scans=4, volume=lambda ml: ml * 1000), BOUNDS, Path("m.csv"))
    refuse_other_units(rows().assign(volume_ml=np.nan, hu_mean=np.nan), BOUNDS, Path("m.csv"))


LARGEST = label_sets.read("total_117").largest_ml


def with_ids(found):
    return found.assign(scan_id=[f"s{number // len(TYPICAL)}" for number in range(len(found))])


def refusal_with_largest(found, place=Path("m.csv")):
    with pytest.raises(ContractError) as refused:
        refuse_other_units(with_ids(found), BOUNDS, place, LARGEST)
    return str(refused.value)


def changed(measure, name, change, scans=slice(None)):
    found = rows(scans=12)
    chosen = found.index[found["structure"].eq(name)][scans]
    return found.assign(**{measure: found[measure].where(~found.index.isin(chosen), change)})


def of_all(measure, change):
    return changed(measure, "spleen", change(rows(scans=12)[measure]))


def test_one_structure_in_another_unit_is_refused():
    assert "spleen_volume_mm3, or leave it out, as in measure: {columns: {spleen_volume_ml: []}}" in (
        refusal_with_largest(of_all("volume_ml", lambda values: values * 1000))
    )
    liver = rows(scans=12)
    liver["volume_ml"] = liver["volume_ml"].where(liver["structure"].ne("liver"), liver["volume_ml"] / 100)
    assert "so that its volumes are probably in litres or dl; name its column" in refusal_with_largest(liver)
    assert "the median attenuation of spleen is 11" in refusal_with_largest(
        of_all("hu_mean", lambda values: values + 1000)
    )


def test_some_scans_in_another_unit_are_refused_with_their_ids():
    message = refusal_with_largest(changed("volume_ml", "spleen", 215_000.0, slice(0, 3)))
    assert "3 of 12 values of volume_ml of spleen are impossible (215000 ml), first of s0, s1, s2" in message
    message = refusal_with_largest(changed("hu_mean", "liver", 1130.0, slice(2, 4)))
    assert "2 of 12 values of hu_mean of liver are impossible (1130 HU), first of s2, s3" in message


def test_a_single_wrong_value_stops_no_study():
    for measure, value in (("volume_ml", 215_000.0), ("hu_mean", 1130.0)):
        found = with_ids(changed(measure, "spleen", value, slice(0, 1)))
        refuse_other_units(found, BOUNDS, Path("m.csv"), LARGEST)


def test_a_folder_of_statistics_has_no_columns_that_a_setting_could_name(tmp_path):
    message = refusal_with_largest(rows(volume=lambda ml: ml / 1000), tmp_path)
    assert "the volumes of TotalSegmentator's statistics are mm³; convert those in the files" in message


@pytest.mark.parametrize(("measure", "add", "times"), [("volume_ml", 0, 1000), ("hu_mean", 1024, 1)])
def test_every_second_scan_in_another_unit_is_not_answered_with_a_unit_for_all(measure, add, times):
    found = rows(scans=12)
    second = pd.Series(range(len(found))) // len(TYPICAL) % 2 == 1
    found[measure] = found[measure].where(~second, found[measure] * times + add)

    assert "6 of 12 values" in refusal_with_largest(found)
