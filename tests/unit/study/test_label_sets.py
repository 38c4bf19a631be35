"""Shipped label sets agree with the labels of their models, and label sets of users are checked."""

import csv
from pathlib import Path

import pandas as pd
import pytest

import phantom
from ctpop.foundation.errors import ContractError
from ctpop.study import configuration, label_sets
from ctpop.study.display_names import DisplayName

RESOURCES = configuration.LABEL_SETS.parent
SIZES = {"demo": 20, "paper_104": 104, "total_117": 117}
LABELS = {
    "paper_104": {"spleen": 1, "aorta": 7, "vertebrae_L5": 18, "heart_myocardium": 44, "hip_left": 90, "face": 93},
    "total_117": {"spleen": 1, "pancreas": 7, "vertebrae_S1": 26, "heart": 51, "aorta": 52, "costal_cartilages": 117},
}
GOOD = "label,structure,side,group,lower_bound_ml\n1,kidney_left,left,abdomen,40\n2,liver,,abdomen,\n"


def lower_bounds():
    with (RESOURCES / "lower_bounds.csv").open(newline="", encoding="utf-8") as file:
        return {row["structure"]: row for row in csv.DictReader(file)}


def refusal_of(path):
    with pytest.raises(ContractError) as refused:
        label_sets.read(str(path))
    return str(refused.value)


@pytest.mark.parametrize("name", SIZES)
def test_a_shipped_label_set_numbers_its_structures_from_one(name):
    found = label_sets.read(name)

    assert found.name == name
    assert list(found.table["label"]) == list(range(1, SIZES[name] + 1))
    assert len(set(found.names)) == SIZES[name]
    assert found.label_of == dict(zip(found.names, range(1, SIZES[name] + 1), strict=True))


@pytest.mark.parametrize("name", LABELS)
def test_labels_equal_those_of_totalsegmentator(name):
    labels = label_sets.read(name).label_of

    assert {structure: labels[structure] for structure in LABELS[name]} == LABELS[name]


@pytest.mark.parametrize("name", SIZES)
def test_every_structure_has_a_snomed_code(name):
    codes = label_sets.read(name).table["snomed_code"]

    assert codes.str.fullmatch("[0-9]{6,18}").all()


def test_the_two_generations_share_97_structures():
    paper, total = set(label_sets.read("paper_104").names), set(label_sets.read("total_117").names)

    assert len(paper & total) == 97
    assert {"face", "pulmonary_artery", "heart_atrium_left"} <= paper - total


def test_the_demo_has_the_labels_of_its_phantoms():
    assert label_sets.read("demo").label_of == phantom.LABEL


@pytest.mark.parametrize("name", SIZES)
def test_sides_follow_from_names_except_inside_the_heart(name):
    table = label_sets.read(name).table
    inside_heart = table["structure"].str.startswith(("heart_", "atrial_"))
    expected = table["structure"].str.extract(r"_(left|right)(?:_|$)")[0].mask(inside_heart)

    assert table["side"].fillna("").tolist() == expected.fillna("").tolist()
    assert {"left", "right"} <= set(table["side"].dropna())


@pytest.mark.parametrize("name", SIZES)
def test_the_two_sides_of_a_pair_share_group_bound_and_code(name):
    table = label_sets.read(name).table
    pairs = table.dropna(subset="side").assign(pair=lambda frame: frame["structure"].str.replace("right", "left"))
    lobes = pairs["structure"].str.startswith("lung_")  # the left lung has no middle lobe: its upper lobe is larger

    assert pairs.groupby("pair")[["group", "lower_bound_grade", "snomed_code"]].nunique().le(1).all(axis=None)
    assert pairs[~lobes].groupby("pair")["lower_bound_ml"].nunique().le(1).all()
    assert pairs[~lobes]["pair"].nunique() >= 4


def test_the_demo_uses_groups_of_the_full_sets():
    groups = [set(label_sets.read(name).table["group"]) for name in ("demo", "paper_104", "total_117")]

    assert groups[0] < groups[1] == groups[2]


@pytest.mark.parametrize("name", SIZES)
def test_lower_bounds_agree_with_the_resource_file(name):
    bounds = lower_bounds()
    table = label_sets.read(name).table.set_index("structure")

    with_bound = table.dropna(subset="lower_bound_ml")

    assert set(with_bound.index) == set(table.index) & set(bounds)
    for structure, row in with_bound.iterrows():
        expected = bounds[structure]
        assert row["lower_bound_ml"] == float(expected["lower_bound_ml"])
        assert (row["lower_bound_grade"], row["lower_bound_source"]) == (expected["grade"], expected["source"])
    without = table[table["lower_bound_ml"].isna()]
    assert without[["lower_bound_grade", "lower_bound_source"]].isna().all(axis=None)


@pytest.mark.parametrize("name", SIZES)
def test_upper_bounds_agree_with_the_resource_file_and_exceed_lower_bounds(name):
    resource = pd.read_csv(RESOURCES / "upper_bounds.csv").set_index("structure")["upper_bound_ml"]
    table = label_sets.read(name).table.set_index("structure")

    found = pd.Series(label_sets.upper_bounds(label_sets.read(name)))

    assert set(found.index) == set(table.index) & set(resource.index)
    assert found.eq(resource.reindex(found.index)).all()
    assert (found > table["lower_bound_ml"].reindex(found.index).fillna(0)).all()


def test_every_upper_bound_is_its_factor_times_a_typical_volume_with_a_source():
    bounds = pd.read_csv(RESOURCES / "upper_bounds.csv")

    assert (bounds["upper_bound_ml"] / (bounds["typical_ml"] * bounds["factor"])).between(0.94, 1.06).all()
    assert bounds["factor"].between(1.5, 10).all()
    assert set(bounds["grade"]) == {"B", "C"}
    assert bounds.loc[bounds["grade"].eq("C"), "source"].str.contains("ASSUME").all()


def test_names_of_structures_are_read_from_optional_columns(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("label,structure,Name,side,group,lower_bound_ml\n1,tumor,hepatic lesion,,a,\n2,liver,,,a,\n")

    assert label_sets.read(str(path)).display_names == {
        "tumor": DisplayName("hepatic lesion", "hepatic lesion", "hepatic lesion")
    }


def test_a_user_label_set_can_lack_upper_bounds(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(GOOD)

    assert label_sets.upper_bounds(label_sets.read(str(path))) == {}


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        ("30", "must be above 0 mL and above lower_bound_ml"),
        ("x", "must be a volume in mL (0 or larger) or empty, but is 'x'"),
    ],
)
def test_an_invalid_upper_bound_is_rejected(tmp_path, bound, expected):
    path = tmp_path / "mine.csv"
    rows = [f"{line},{end}" for line, end in zip(GOOD.split(), ["upper_bound_ml", bound, ""], strict=True)]
    path.write_text("\n".join(rows) + "\n")

    assert "upper_bound_ml" in refusal_of(path)
    assert expected in refusal_of(path)


def test_every_bound_has_a_grade_and_source_and_is_below_its_reference():
    bounds = pd.DataFrame(lower_bounds().values())
    reference = pd.to_numeric(bounds["reference_ml"])

    assert len(bounds) == 104
    assert set(bounds["grade"]) == {"A", "B", "C"}
    assert bounds["source"].str.len().gt(10).all()
    assert pd.to_numeric(bounds["lower_bound_ml"]).gt(0).all()
    assert (pd.to_numeric(bounds["lower_bound_ml"]) < reference)[reference.notna()].all()
    assert set(bounds.loc[reference.isna(), "grade"]) == {"C"}


def test_the_readme_counts_the_grades_and_describes_the_bounds():
    readme = (configuration.LABEL_SETS / "README.md").read_text(encoding="utf-8")
    grades = pd.Series([row["grade"] for row in lower_bounds().values()]).value_counts()

    for grade, number in grades.items():
        [line] = [line for line in readme.splitlines() if line.startswith(f"| {grade} |")]
        assert line.endswith(f"| {number} |")
    assert "**The lower bounds are not those of the TotalSegmentator study.**" in readme


def test_a_frail_phantom_is_above_every_bound_of_the_demo():
    drawn = phantom.make_phantom(phantom.Person(seed=5, age_years=95.0, sex="female", bmi=19.0))
    table = label_sets.read("demo").table.set_index("structure")

    for structure, bound in table["lower_bound_ml"].dropna().items():
        volume_ml = (drawn.labels == phantom.LABEL[structure]).sum() * phantom.SPACING_MM**3 / 1000
        assert volume_ml > bound, structure


def test_a_user_label_set_is_read_from_its_path(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(GOOD.replace("ml\n", "ml,color\n", 1).replace("40\n", "40,red\n").replace(",\n", ",,\n"))

    found = label_sets.read(str(path))

    assert found.name == "mine"
    assert found.label_of == {"kidney_left": 1, "liver": 2}
    assert found.table["lower_bound_ml"].isna().tolist() == [False, True]
    assert found.table.loc[0, "color"] == "red"


def test_an_unknown_name_lists_the_shipped_sets(tmp_path):
    message = refusal_of("paper_105")

    assert message == (
        "structures: 'paper_105' is neither a built-in label set (demo, paper_104, total_117) nor an existing CSV file;"
        " did you mean paper_104? Set structures: paper_104"
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "2,liver",
            "1,liver",
            "line 3: each label and each structure must occur only once",
        ),
        ("2,liver", "0,liver", "line 3: label must be a whole number from 1 to 65535 (0 is background), but is '0'"),
        (
            "2,liver",
            "2.5,liver",
            "line 3: label must be a whole number from 1 to 65535 (0 is background), but is '2.5'",
        ),
        (
            "2,liver",
            "2,kidney_left",
            "line 3: each label and each structure must occur only once",
        ),
        (
            "kidney_left,left",
            "kidney_left,right",
            "line 2: side must agree with the structure name, but is right for kid",
        ),
        (
            "kidney_left,left",
            "kidney_left,both",
            "line 2: side must be left, right, or empty (unpaired structure)",
        ),
        (
            "abdomen,40",
            "abdomen,-40",
            "line 2: lower_bound_ml must be a volume in mL (0 or larger) or empty, but is",
        ),
        ("liver", "li/ver", "line 3: structure must consist of letters, digits, and '_', but is 'li/ver'"),
        ("group", "grouping", "line 1: missing from the header: group (found label, structure, side, grouping"),
    ],
)
def test_an_invalid_label_set_is_rejected(tmp_path, old, new, expected):
    path = tmp_path / "mine.csv"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new))

    assert refusal_of(path).startswith(f"{Path(path)}: {expected}")
