"""Tables with values in units other than mL and HU are rejected."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from ctpop.foundation.errors import ContractError
from ctpop.study import label_sets
from ctpop.study.external_measures import read_external_measures
from ctpop.study.registry_options import Reading, measures_reading_of
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
    refuse_other_units(rows(hu=lambda value: value - 100), BOUNDS, Path("m.csv"))  # without contrast material


NAMES = list(BOUNDS)
HEADERS = {
    "wide": "{name}_volume_{unit}",
    "of the user": "{name} Volume ({unit})",
    "mapped": "vol_{name}",
}


def table_of(folder, form, unit, volume):
    """Write the volumes of six scans as a long table or as a wide table with headers of the given form."""
    found = rows().assign(scan_id=[f"s{number // len(TYPICAL)}" for number in range(6 * len(TYPICAL))])
    found["volume"] = [volume(name, ml) for name, ml in zip(found["structure"], found["volume_ml"], strict=True)]
    if form == "long":
        lines = found[["scan_id", "structure", "volume"]].rename(columns={"volume": f"volume_{unit}"})
    else:
        lines = found.pivot_table("volume", "scan_id", "structure").reset_index()
        lines.columns = [
            name if name == "scan_id" else HEADERS[form].format(name=name, unit=unit) for name in lines.columns
        ]
    lines.to_csv(folder / "m.csv", index=False)
    columns = {"vol_*": f"*_volume_{unit}"} if form == "mapped" else {}
    return {"columns": columns}


def read(place, settings):
    reading = measures_reading_of(settings, {})
    found = read_external_measures(place, [f"s{number}" for number in range(6)], NAMES, reading)
    refuse_other_units(found, BOUNDS, place, label_sets.read("total_117").largest_ml, reading)
    return found[found["volume_ml"].notna()].groupby("structure")["volume_ml"].median()


def lines_of(place, settings):
    """Return the printed settings of an error message, each merged with the settings of the study."""
    with pytest.raises(ContractError) as refused:
        read(place, settings)
    found = [
        yaml.safe_load(line)["measure"] for line in re.findall(r"measure: \{.*?\}+(?=[, ;]|$)", str(refused.value))
    ]
    return [{**settings, **line, "columns": settings["columns"] | line.get("columns", {})} for line in found]


@pytest.mark.parametrize("form", ["long", *HEADERS])
@pytest.mark.parametrize(("unit", "factor"), [("ml", 1000), ("ml", 0.001), ("mm3", 1), ("l", 1)])
def test_the_printed_setting_corrects_volumes_in_another_unit(tmp_path, form, unit, factor):
    settings = table_of(tmp_path, form, unit, lambda name, ml: ml * factor)
    *columns, confirmed = lines_of(tmp_path / "m.csv", settings)
    if len(columns[0]["columns"]) < len(TYPICAL) and form == "of the user":  # the message contains only three columns
        theirs = {f"{name} Volume ({unit})": f"{name}_{end}" for name in TYPICAL for end in last_ends(columns[0])}
        columns = [{"columns": theirs}]
    assert read(tmp_path / "m.csv", columns[0])["liver"] == pytest.approx(1500, rel=0.2)
    assert read(tmp_path / "m.csv", confirmed)["liver"] > 0


def last_ends(settings):
    return {name.partition("_")[2] for name in list(settings["columns"].values())[-1:]}


@pytest.mark.parametrize("form", HEADERS)
@pytest.mark.parametrize("factor", [1000, 0.001])
def test_the_printed_settings_correct_or_exclude_one_structure_in_another_unit(tmp_path, form, factor):
    settings = table_of(tmp_path, form, "ml", lambda name, ml: ml * (factor if name == "liver" else 1))
    named, left_out, confirmed = lines_of(tmp_path / "m.csv", settings)
    assert read(tmp_path / "m.csv", named)["liver"] == pytest.approx(1500, rel=0.2)
    assert "liver" not in read(tmp_path / "m.csv", left_out)
    assert read(tmp_path / "m.csv", confirmed)["liver"] == pytest.approx(1500 * factor, rel=0.2)


def test_one_structure_of_a_long_table_or_a_folder_must_be_converted_in_the_file(tmp_path):
    settings = table_of(tmp_path, "long", "ml", lambda name, ml: ml / (1000 if name == "liver" else 1))
    [confirmed] = lines_of(tmp_path / "m.csv", settings)
    assert read(tmp_path / "m.csv", confirmed)["liver"] < 2
    expected = "in the rows of liver, multiply the volumes by 1000, or by 100 if they are in dL"
    with pytest.raises(ContractError, match=expected):
        read(tmp_path / "m.csv", settings)
    (tmp_path / "statistics").mkdir()
    for number in range(6):
        entries = {"liver": {"volume": 1500 + number}, "spleen": {"volume": 200_000}, "aorta": {"volume": 150_000}}
        text = json.dumps({name: entry | {"intensity": 60} for name, entry in entries.items()})
        (tmp_path / "statistics" / f"s{number}.json").write_text(text)
    with pytest.raises(
        ContractError, match=r"in the files, multiply the volumes by 1000, .*remove the entries of liver"
    ):
        read(tmp_path / "statistics", settings)
    [confirmed] = lines_of(tmp_path / "statistics", settings)
    assert read(tmp_path / "statistics", confirmed)["liver"] < 2


def test_volumes_of_small_parts_of_organs_and_vessels_are_accepted():
    found = rows(scans=12)
    found["volume_ml"] = found["volume_ml"].where(found["structure"].ne("aorta"), found["volume_ml"] / 120)
    spread = np.geomspace(0.01, 200, 12)
    found.loc[found["structure"].eq("liver"), "volume_ml"] = spread
    refuse_other_units(found, BOUNDS, Path("m.csv"), LARGEST)


def test_a_confirmed_name_that_is_not_a_measure_is_rejected_with_the_closest_name(tmp_path):
    settings = table_of(tmp_path, "wide", "ml", lambda _, ml: ml)
    with pytest.raises(ContractError, match=r"contains livr_volume_ml, .* measure: {confirmed: \[liver_volume_ml\]}"):
        read(tmp_path / "m.csv", settings | {"confirmed": ["livr_volume_ml"]})


@pytest.mark.parametrize(("measure", "change"), [("hu_mean", 1024), ("volume_ml", 300_000)])
def test_confirmed_measures_are_not_examined(measure, change):
    found = with_ids(rows(scans=12))
    found[measure] = found[measure] + change
    with pytest.raises(ContractError):
        refuse_other_units(found, BOUNDS, Path("m.csv"), LARGEST)
    refuse_other_units(found, BOUNDS, Path("m.csv"), LARGEST, Reading(confirmed=frozenset({measure})))


@pytest.mark.parametrize("hu", [lambda value: value + 1024, lambda value: value + 1000])
def test_attenuation_with_an_offset_is_rejected(hu):
    assert "which is outside the possible range in HU (-200 to 600)" in refusal(rows(hu=hu))


def test_attenuation_on_a_scale_from_0_to_1_is_rejected():
    assert "a scale from 0 to 1" in refusal(rows(hu=lambda value: (value + 1024) / 4095))


def test_few_and_missing_values_have_no_effect():
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


def test_one_structure_in_another_unit_is_rejected():
    assert "so the volumes are probably in mm³; in the rows of spleen, divide the volumes by 1000" in (
        refusal_with_largest(of_all("volume_ml", lambda values: values * 1000))
    )
    liver = rows(scans=12)
    liver["volume_ml"] = liver["volume_ml"].where(liver["structure"].ne("liver"), liver["volume_ml"] / 100)
    assert "so the volumes are probably in liters or dL; in the rows of liver, multiply" in refusal_with_largest(liver)
    assert "the median attenuation of spleen is 11" in refusal_with_largest(
        of_all("hu_mean", lambda values: values + 1000)
    )


def test_some_scans_in_another_unit_are_rejected_with_their_identifiers():
    message = refusal_with_largest(changed("volume_ml", "spleen", 215_000.0, slice(0, 3)))
    found = "3 of 12 values of volume_ml of spleen are impossible (first: 215,000 mL; first scans: s0, s1, s2)"
    assert found in message
    message = refusal_with_largest(changed("hu_mean", "liver", 1130.0, slice(2, 4)))
    assert "2 of 12 values of hu_mean of liver are impossible (first: 1130 HU; first scans: s2, s3)" in message


def test_a_single_wrong_value_does_not_stop_a_study():
    for measure, value in (("volume_ml", 215_000.0), ("hu_mean", 1130.0)):
        found = with_ids(changed(measure, "spleen", value, slice(0, 1)))
        refuse_other_units(found, BOUNDS, Path("m.csv"), LARGEST)


def test_the_remedy_for_a_folder_of_statistics_contains_no_setting_for_columns(tmp_path):
    message = refusal_with_largest(rows(volume=lambda ml: ml / 1000), tmp_path)
    assert "convert the volumes in the statistics files to mm³, which is the unit of TotalSegmentator" in message


@pytest.mark.parametrize(("measure", "add", "times"), [("volume_ml", 0, 1000), ("hu_mean", 1024, 1)])
def test_the_remedy_for_every_second_scan_in_another_unit_does_not_convert_all_scans(measure, add, times):
    found = rows(scans=12)
    second = pd.Series(range(len(found))) // len(TYPICAL) % 2 == 1
    found[measure] = found[measure].where(~second, found[measure] * times + add)

    assert "6 of 12 values" in refusal_with_largest(found)
