"""Screening in the methods and on the pages: applied rules, their limits, and decisions of reviewers."""

import re

import pytest

from ctpop.stages.report import command as report
from ctpop.stages.report import manuscript, pages, structure_lists, summaries
from ctpop.stages.report.finished_study import FinishedStudy
from ctpop.stages.report.provenance import provenance
from ctpop.study import configuration
from support import study_tables
from support.evidence import decisions

LABELS = study_tables.label_set()


def study(folder, review=None, **screen) -> FinishedStudy:
    """Return a study of 30 patients with the given settings of the screening."""
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
    """Return the section of the methods on segmentation quality control."""
    found = study(folder, review, **screen)
    text = report.methods_text(found, provenance(found))
    assert "  " not in text
    return text.split("### Segmentation Quality Control\n\n")[1].split("\n\n###")[0]


BOUND = "its volume was below a lower bound"
BORDER = "it was truncated by the field of view"
SUSPECT = (
    "less than 80% of its voxels belonged to its largest connected component",
    "its center of mass was more than 10 mm across the midline on the opposite side",
    "by more than 5 times the scaled median absolute deviation (if at least 20 pairs were available)",
)


@pytest.mark.parametrize(
    ("rules", "applied"),
    [
        ("none", ("No further screening rule was applied.",)),
        ("paper", (BOUND, "Table S1", SUSPECT[1])),
        ("standard", (BOUND, BORDER, SUSPECT[1])),
        ("strict", (BOUND, BORDER, *SUSPECT)),
    ],
)
def test_the_methods_contain_the_applied_rules_and_no_others(tmp_path, rules, applied):
    text = screening_of(tmp_path, rules=rules)

    every = ("No further screening rule was applied.", BOUND, "Table S1", BORDER, *SUSPECT)
    others = set(every) - set(applied) - ({"Table S1"} if BOUND in applied else set())
    assert [words for words in applied if words not in text] == []
    assert [words for words in others if words in text] == []
    assert not re.search(r"\d+ (volumes|attenuation)", text)


def test_rules_with_the_same_effect_share_a_sentence(tmp_path):
    text = screening_of(tmp_path, rules="paper")

    assert f"The volume and attenuation of a structure were excluded if {BOUND}. A structure was flagged, and" in text
    assert re.search(r"its values were retained, if \(a\) [^()]+, \(b\) [^()]+, or \(c\) [^()]+\.", text)


def test_the_methods_state_that_the_attenuation_of_truncated_structures_was_used(tmp_path):
    text = screening_of(tmp_path, use_truncated_hu=True)

    assert f"Only the volume of a structure was excluded if {BORDER}." in text


def test_the_methods_and_results_include_reviewers_and_known_absences_only_if_there_are_any(tmp_path):
    review = decisions(("s0001", "*", "exclude"), ("s0002", "organ_1", "keep"), ("s0003", "organ_1", "absent"))

    with_it, without = screening_of(tmp_path / "a", review), screening_of(tmp_path / "b")

    assert "reviewers rated selected structures; the decision of a reviewer took precedence over the rules." in with_it
    assert "Structures without voxels and structures recorded as absent were excluded." in with_it
    assert "eviewer" not in without
    assert "Structures without voxels were excluded." in without
    results = manuscript.results_text(study(tmp_path / "a", review), pages.templates().get_template("results.md"))
    assert "Reviewers rated 8 of 180 structures (4%) in all scans; 6 were excluded and 1 was retained." in results


def test_the_table_of_the_flow_has_a_row_of_the_review_after_the_measured_scans(tmp_path):
    review = decisions(("s0001", "*", "exclude"))

    with_it, without = summaries.flow(study(tmp_path / "a", review)), summaries.flow(study(tmp_path / "b"))

    assert with_it[:-2] == without
    assert with_it[-2:] == [("Not measured", "30", "0", "30"), ("Excluded by a reviewer", "30", "1", "29")]


@pytest.mark.parametrize(("rules", "shown"), [("none", False), ("paper", True), ("strict", True)])
def test_bounds_are_shown_only_if_they_are_applied(tmp_path, rules, shown):
    found = structure_lists.screening(study(tmp_path, rules=rules))

    assert bool(found.note) == shown
    assert found.rows[0].cells[0].text == ("20" if shown else "–")
