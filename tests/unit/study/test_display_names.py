"""Names of the structures of the built-in label sets and of the groups of structures."""

import re

import pandas as pd
import pytest

from ctpop.study import configuration, display_names, label_sets

COLUMNS = ["name", "plural", "abbreviation"]
SETS = ("demo", "paper_104", "total_117")
REGIONS = {
    "abdomen and pelvis",
    "cardiovascular system",
    "head and neck",
    "muscles",
    "pelvic girdle and lower limbs",
    "shoulder girdle and upper limbs",
    "spine",
    "thoracic cage",
    "thorax",
}


def group_names():
    return pd.read_csv(display_names.GROUP_NAMES_FILE, keep_default_na=False)


@pytest.mark.parametrize("label_set", SETS)
def test_every_structure_has_a_name_a_plural_and_an_abbreviation(label_set):
    table = label_sets.read(label_set).table

    assert table[COLUMNS].notna().all(axis=None)
    assert not table["name"].str.casefold().duplicated().any()
    assert not table["abbreviation"].str.casefold().duplicated().any()
    for column in COLUMNS:
        assert table[column].str.fullmatch(r"[A-Za-z][A-Za-z0-9/. ]+|[CLT]\d+").all(), column
    assert (table["abbreviation"].str.len() <= table["name"].str.len()).all()


@pytest.mark.parametrize("label_set", SETS)
def test_the_side_is_the_first_word(label_set):
    table = label_sets.read(label_set).table.dropna(subset="side")

    for column in ("name", "plural"):
        assert table[column].str.partition(" ")[0].tolist() == table["side"].tolist()
        assert not table[column].map(display_names.without_side).str.contains("left|right").any()
    assert table["abbreviation"].str[0].tolist() == table["side"].str[0].str.upper().tolist()


@pytest.mark.parametrize("label_set", SETS)
def test_names_of_a_pair_differ_only_in_the_side(label_set):
    read = label_sets.read(label_set)
    names = read.display_names

    for left, right in read.contralateral.items():
        for column in ("name", "plural"):
            one, other = (display_names.without_side(getattr(names[side], column)) for side in (left, right))
            assert one == other
        assert names[left].abbreviation[1:] == names[right].abbreviation[1:]


def test_a_structure_has_the_same_name_in_all_label_sets():
    tables = pd.concat([label_sets.read(name).table for name in SETS])

    assert tables.groupby("structure")[[*COLUMNS, "side"]].nunique().le(1).all(axis=None)
    assert tables.groupby("structure")["group"].nunique().eq(1).all()
    assert set(tables["group"]) == REGIONS


def test_every_group_of_structures_has_names():
    groups = group_names()
    members = pd.read_csv(configuration.GROUPS_FILE)

    assert groups["group"].tolist() == members["group"].unique().tolist()
    assert groups[COLUMNS].ne("").all(axis=None)
    assert not groups["name"].duplicated().any()
    assert not groups.melt(value_vars=COLUMNS)["value"].str.contains("_").any()


def test_no_group_of_structures_has_the_name_of_a_structure():
    structures = {name.name for name in display_names.shipped_names().values()}

    assert len(structures) == len(display_names.shipped_names())


@pytest.mark.parametrize(
    ("identifier", "words"),
    [
        ("kidney_left", "left kidney"),
        ("rib_right_10", "right rib 10"),
        ("left_lung", "left lung"),
        ("aorta", "aorta"),
        ("leftover", "leftover"),
    ],
)
def test_the_words_of_an_identifier_begin_with_the_side(identifier, words):
    assert display_names.words_of(identifier) == words


def test_the_readme_describes_the_columns_and_the_groups():
    readme = (configuration.LABEL_SETS / "README.md").read_text(encoding="utf-8")

    for column in COLUMNS:
        assert re.search(rf"^\| `{column}` \|", readme, re.MULTILINE), column
    assert "group_names.csv" in readme
