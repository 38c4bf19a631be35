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
