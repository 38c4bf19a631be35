"""Tests of the units of heights, weights, and tube voltages in a registry."""

import pandas as pd
import pytest
import yaml

from ctpop.foundation.errors import ContractError
from ctpop.study.patient_units import LIMITS, refuse_other_units
from ctpop.study.registry import read_registry
from ctpop.study.registry_options import Reading


def message_of(frame):
    with pytest.raises(ContractError) as error:
        refuse_other_units(frame, "a.csv")
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("height_cm", ["1.75", "1.60"], "has a median of 1.675, so the unit is probably m, not cm; multiply"),
        ("height_cm", ["1750"], "probably mm, not cm; divide the values by 10"),
        ("weight_kg", ["80000"], "probably g, not kg; divide the values by 1000"),
        ("kvp", ["120000", "100000"], "probably V, not kV; divide the values by 1000"),
    ],
)
def test_columns_in_other_units_are_rejected(name, values, words):
    assert words in message_of(pd.DataFrame({name: values}))


def test_heights_of_adults_in_inches_are_rejected():
    inches = pd.DataFrame({"height_cm": ["67", "70"], "age_years": [60.0, 50.0]})

    assert "in adults, so the unit is probably inches, not cm; multiply the values by 2.54" in message_of(inches)
    refuse_other_units(inches.assign(age_years=1.0), "a.csv")


@pytest.mark.parametrize(
    ("word", "age", "unit", "value"),
    [
        ("1.72", 50.0, "m", "172"),
        ("1.72", 5.0, "m", "172"),
        ("0.9", None, "m", "90"),
        ("67", 50.0, "inches", "170.18"),
        ("1720", 50.0, "mm", "172"),
    ],
)
def test_a_single_height_in_another_unit_is_rejected_with_the_correct_value(word, age, unit, value):
    frame = pd.DataFrame({"height_cm": ["170", word, "181"], "age_years": [61.0, age, 45.0]})

    message = message_of(frame)

    assert message.startswith(
        f"a.csv: line 3: height_cm is '{word}'; expected centimeters (100 to 230 in adults, 30 to"
    )
    assert f"the unit is probably {unit} (affected rows: 1)" in message
    assert message.endswith(f'cohort: {{values: {{height_cm: {{"{word}": "{value}"}}}}}}')


@pytest.mark.parametrize("word", ["0", "999", "25", "260", "-99"])
def test_a_single_impossible_height_is_rejected_with_the_setting_for_missing_values(word):
    message = message_of(pd.DataFrame({"height_cm": ["170", word, "181"]}))

    assert message.startswith(f"a.csv: line 3: height_cm is '{word}'; expected centimeters")
    assert message.endswith(f'cohort: {{values: {{height_cm: {{"{word}": null}}}}}}')
    assert "probably" not in message


def test_heights_between_30_and_100_cm_are_possible_in_children_only():
    frame = pd.DataFrame({"height_cm": ["95", "170", "165"], "age_years": [17.9, 50.0, 60.0]})

    refuse_other_units(frame, "a.csv")
    refuse_other_units(frame.assign(age_years=[None, 50.0, 60.0]), "a.csv")
    assert "line 2: height_cm is '95'" in message_of(frame.assign(age_years=[18.0, 50.0, 60.0]))


@pytest.mark.parametrize(("name", "limits"), LIMITS.items())
def test_limits_are_inclusive(name, limits):
    for age, (low, high) in ((40.0, limits.adults), (4.0, limits.others)):
        typical = (low + high) / 2
        for word in (low, high):
            refuse_other_units(pd.DataFrame({name: [f"{word:g}", f"{typical:g}"], "age_years": [age, age]}), "a.csv")
        for word in (0.99 * low, 1.01 * high):
            frame = pd.DataFrame({name: [f"{word:g}", *[f"{typical:g}"] * 2], "age_years": [age] * 3})
            assert "line 2: " in message_of(frame)


def test_a_column_with_two_units_names_the_first_row():
    message = message_of(pd.DataFrame({"height_cm": ["1.75", "170", "1.60", "1.81", "1700"]}))

    assert message.startswith("a.csv: line 2: height_cm is '1.75'") or "median of 1.81" in message
    message = message_of(pd.DataFrame({"height_cm": ["172", "1.60", "165", "1.60"]}))
    assert "line 3: height_cm is '1.60'" in message
    assert "affected rows: 2" in message
    assert message.count('"1.60"') == 1


def test_heights_and_weights_of_children_and_words_are_accepted():
    frame = pd.DataFrame({"height_cm": ["55", None], "weight_kg": ["4.1", "x"], "age_years": [0.2, 60.0]})
    refuse_other_units(frame, "a.csv")
    refuse_other_units(pd.DataFrame({"height_cm": [None, None], "kvp": ["100/Sn150", "120"]}), "a.csv")
    assert "line 2: weight_kg is '4.1'; expected kilograms" in message_of(
        pd.DataFrame({"weight_kg": ["4.1", "60", "70"], "age_years": [50.0, 60.0, 61.0]})
    )


def test_weights_of_adults_in_pounds_are_rejected():
    frame = pd.DataFrame({"age_years": ["60", "50"], "height_cm": ["175", "165"], "weight_kg": ["180", "150"]})

    assert "weights is probably lb" in message_of(frame)


@pytest.mark.parametrize(
    "text",
    [
        "scan_id,age_years,height_cm\ns1,40,172\ns2,50,1.72\ns3,60,165\n",
        "scan_id;age_years;height_cm\ns1;40;172,0\ns2;50;1,72\ns3;60;165,5\n",
        "scan_id,age_years,height_cm\ns1,40,172\ns2,50,68\ns3,60,165\n",
        "scan_id,age_years,height_cm\ns1,40,172\ns2,50,0\ns3,60,165\n",
    ],
)
def test_the_line_in_the_message_is_accepted(tmp_path, text):
    path = tmp_path / "registry.csv"
    path.write_text(text)
    with pytest.raises(ContractError) as error:
        read_registry(path)
    line = yaml.safe_load(str(error.value)[str(error.value).index("cohort: ") :])

    found = read_registry(path, Reading(values=line["cohort"]["values"]))

    assert pd.isna(found["height_cm"][1]) or 170 < float(found["height_cm"][1]) < 175
