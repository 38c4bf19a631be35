"""Tests that the methods text and the pages describe the applied rules, their limits, and the QC decisions."""

import pytest

from ctpop.stages.report import command as report
from ctpop.stages.report import structure_lists, summaries
from ctpop.stages.report.finished_study import FinishedStudy
from ctpop.stages.report.provenance import provenance
from ctpop.study import configuration
from support import study_tables
from support.evidence import decisions

LABELS = study_tables.label_set()


def study(folder, review=None, **screen) -> FinishedStudy:
    """Return a study of 30 patients with these settings of segmentation screening."""
    tables = study_tables.study(study_tables.registry(30), LABELS)
    if review is not None:
        tables |= study_tables.screened(tables["measures"], LABELS, tables["cohort"], review)
    folder.mkdir(exist_ok=True)
    LABELS.table.to_csv(folder / "labels.csv", index=False)
    config = {
        "study": {"name": "made_up", "registry": "registry.csv", "start_from": "segmentations"},
        "structures": str(folder / "labels.csv"),
        "screen": screen,
    }
    return FinishedStudy(configuration.validated(config), LABELS, tables)


def screening_of(folder, review=None, **screen) -> str:
    """Return the section on screening of the methods text."""
    found = study(folder, review, **screen)
    text = report.methods_text(found, provenance(found))
    assert "  " not in text
    return text.split("### Screening of failed segmentations\n\n")[1].split("\n\n###")[0]


BOUND = "structures whose volume was below a lower bound were taken to be failed segmentations"
BORDER = "reach the border of the image were taken to be cut off; their volume and attenuation were left out."
SUSPECT = (
    "Structures with less than 80% of their voxels in the largest connected part",
    "Structures whose centre of mass lay more than 10 mm on the wrong side of the midline",
    "lay more than 5 robust standard deviations",
    "(structures with at least 20 pairs)",
)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("none", ("No further rule was applied.",)),
        ("paper", (BOUND, "Table S1", SUSPECT[1])),
        ("standard", (BOUND, BORDER, SUSPECT[1])),
        ("strict", (BOUND, BORDER, *SUSPECT)),
    ],
)
def test_the_methods_describe_the_applied_rules_only(tmp_path, rules, expected):
    text = screening_of(tmp_path, rules=rules)

    every = ("No further rule was applied.", BOUND, "Table S1", BORDER, *SUSPECT)
    others = set(every) - set(expected) - ({"Table S1"} if BOUND in expected else set())
    assert [words for words in expected if words not in text] == []
    assert [words for words in others if words in text] == []
    assert text.endswith("entered the analysis.")


def test_the_methods_state_that_the_attenuation_of_truncated_structures_was_used(tmp_path):
    text = screening_of(tmp_path, use_truncated_hu=True)

    assert "cut off; their volume was left out, their attenuation was not." in text


def test_the_methods_describe_reviewers_and_known_absences_if_there_are_any(tmp_path):
    review = decisions(("s0001", "*", "exclude"), ("s0002", "organ_1", "keep"), ("s0003", "organ_1", "absent"))

    with_it, without = screening_of(tmp_path / "a", review), screening_of(tmp_path / "b")

    assert "Reviewers looked at 8 pairs of scan and structure: 6 were excluded and 1 kept by their decision." in with_it
    assert "and so were those known to be absent (n = 1)." in with_it
    assert "eviewer" not in without
    assert "known to be absent" not in without


def test_the_flow_has_a_row_for_the_review_after_the_measured_scans(tmp_path):
    review = decisions(("s0001", "*", "exclude"))

    with_it, without = summaries.flow(study(tmp_path / "a", review)), summaries.flow(study(tmp_path / "b"))

    assert with_it[:-2] == without
    assert with_it[-2:] == [("Not measured", "30", "0", "30"), ("Excluded by a reviewer", "30", "1", "29")]


@pytest.mark.parametrize(("rules", "shown"), [("none", False), ("paper", True), ("strict", True)])
def test_lower_bounds_are_shown_if_they_are_applied(tmp_path, rules, shown):
    found = structure_lists.screening(study(tmp_path, rules=rules))

    assert bool(found.note) == shown
    assert found.rows[0].cells[0].text == ("20" if shown else "–")
