"""Numbered pages of figures: every structure is on one page, and no page is nearly empty."""

import fnmatch

import pytest

from ctpop.figures.catalog import (
    GRIDS,
    KINDS,
    Contents,
    kind_of,
    names_of_report,
    pages_of,
    patterns_that_vary,
)


@pytest.mark.parametrize("kind", GRIDS)
@pytest.mark.parametrize("structures", [1, 12, 13, 20, 60, 61, 104, 117, 128, 141])
def test_every_structure_is_on_one_page_in_order(kind, structures):
    names = [f"s{number}" for number in range(structures)]
    pages = pages_of(kind, names)

    assert list(pages) == [f"{kind}_p{number:02d}" for number in range(1, len(pages) + 1)]
    assert [name for page in pages.values() for name in page] == names


@pytest.mark.parametrize("kind", GRIDS)
@pytest.mark.parametrize("structures", [1, 61, 104, 117, 128])
def test_pages_have_room_for_their_structures_and_whole_rows(kind, structures):
    rows, columns = GRIDS[kind]
    *full, last = [len(page) for page in pages_of(kind, [f"s{number}" for number in range(structures)]).values()]

    assert all(size <= rows * columns and size % columns == 0 for size in full)
    assert 0 < last <= (full[0] if full else rows * columns)


@pytest.mark.parametrize(
    ("kind", "structures", "sizes"),
    [
        ("structure_flow", 60, [60]),
        ("structure_flow", 61, [31, 30]),
        ("failures", 104, [52, 52]),
        ("by_sex", 23, [12, 11]),
        ("figure_s3", 12, [12]),
        ("figure_s3", 13, [8, 5]),
        ("figure_s3", 104, [12] * 8 + [8]),
    ],
)
def test_pages_are_filled_evenly(kind, structures, sizes):
    assert [len(page) for page in pages_of(kind, [f"s{number}" for number in range(structures)]).values()] == sizes


@pytest.mark.parametrize("kind", GRIDS)
def test_without_structures_there_is_one_empty_page(kind):
    assert pages_of(kind, []) == {f"{kind}_p01": []}


WHOLE = Contents(
    ["liver", "hip_left"],
    ["hips"],
    [("liver", "hu_mean")],
    pairs=True,
    centiles=True,
    truth=True,
    change_points=("hips",),
)
ALWAYS = {"flow", "age_by_sex", "figure6", "spearman_overview", "heatmap", "sensitivity", "published"}


def test_the_figures_of_a_report_follow_from_what_the_study_has():
    least = names_of_report(Contents(["liver"], [], [], pairs=False, centiles=False, truth=False))
    pages = {"structure_flow_p01", "failures_p01", "by_sex_p01", "figure_s3_p01"}

    assert set(least) == {*ALWAYS, *pages, "structure_liver"}
    assert set(names_of_report(WHOLE)) - set(least) == {
        *("spearman_groups", "asymmetry", "truth", "structure_hip_left", "structure_hips"),
        *("scatter_liver_hu_mean", "boxes_liver_hu_mean", "centiles_liver_hu_mean"),
        *("change_point_hips_volume_ml", "change_point_hips_hu_mean"),
        *("worms_liver", "worms_hip_left", "worms_hips"),
    }


def test_every_figure_is_of_the_kind_that_it_is_named_after():
    kinds = {name: kind_of(name).name for name in names_of_report(WHOLE)}

    assert kinds["structure_flow_p01"] == "structure_flow"
    assert kinds["structure_liver"] == "structure"
    assert set(kinds.values()) == {kind.name for kind in KINDS if kind.of_report}


def test_figures_that_depend_on_the_configuration_match_a_pattern_and_the_others_do_not():
    matching = {
        name for name in names_of_report(WHOLE) if any(fnmatch.fnmatch(name, each) for each in patterns_that_vary())
    }

    assert set(names_of_report(WHOLE)) - matching == ALWAYS
