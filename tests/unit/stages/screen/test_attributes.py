"""Tests of known absences in the registry, including errors for unknown structure names."""

import pandas as pd
import pytest

from ctpop.foundation.errors import ContractError
from ctpop.stages.screen.attributes import facts_of
from ctpop.study.decisions import known_absences
from support.evidence import labels

NAMES = ["spleen", "kidney_left", "kidney_right"]


def cohort(*words):
    return pd.DataFrame(
        {"scan_id": [f"s{k}" for k in range(len(words))], "known_absent": pd.Series(words, dtype="str")}
    )


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("spleen", ["spleen"]),
        ("spleen kidney_left", ["spleen", "kidney_left"]),
        ("spleen;kidney_left", ["spleen", "kidney_left"]),
        (" spleen ; kidney_left; ", ["spleen", "kidney_left"]),
        ("spleen spleen", ["spleen"]),
        (";", []),
        (None, []),
    ],
)
def test_structures_are_separated_by_spaces_or_semicolons(words, found):
    assert list(known_absences(cohort(words), NAMES)["structure"]) == found


def test_each_absence_belongs_to_its_scan():
    found = known_absences(cohort("spleen", None, "spleen kidney_right"), NAMES)

    assert list(found.itertuples(index=False, name=None)) == [
        ("s0", "spleen"),
        ("s2", "spleen"),
        ("s2", "kidney_right"),
    ]


def test_a_registry_without_absences_has_no_known_absences():
    assert len(known_absences(cohort(), NAMES)) == 0
    assert len(facts_of(labels(), {}, None).absences) == 0


def test_an_unknown_structure_name_is_rejected_with_the_scan():
    with pytest.raises(ContractError) as refused:
        known_absences(cohort("spleen", "splen", "left_kidney spleen"), NAMES)

    expected = (
        "registry: column known_absent must contain structures of the label set, separated by spaces, commas, or"
        " semicolons; number of unknown names: 1, first: 's1' ('splen'); correct the cells of the registry"
    )
    assert str(refused.value) == expected
