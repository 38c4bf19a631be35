"""Tests of the selection of series: the rule selects one series, and all other series have a reason."""

import itertools

import pytest

from ctpop.contracts import dicom_codes
from ctpop.stages.dicom.series_selection import EXCLUDES, PREFERS, choose
from ctpop.study import configuration

RULE = configuration.section("dicom", None)


def series(scan_id, exam_id="e1", patient_id="p1", **facts):
    return {
        "scan_id": scan_id,
        "exam_id": exam_id,
        "patient_id": patient_id,
        "day": 1,
        "second": 0,
        "image_kind": "original",
        "plane": "axial",
        "hu_lowest": -1024.0,
        "gantry_tilt_deg": 0.0,
        "n_repeated_positions": 0,
        "n_gaps": 0,
        "spacing_deviation_mm": 0.0,
        "n_slices": 100,
        "slice_thickness_mm": 1.5,
        "kernel_class": "soft",
        "contrast": None,
        "complete_header": True,
        "z_extent_mm": 300.0,
        **facts,
    }


def chosen_of(*rows, **rule):
    chosen, excluded = choose(rows, {**RULE, **rule})
    assert len(chosen) + len(excluded) == len(rows)
    return [row["scan_id"] for row in chosen], {row["scan_id"]: row for row in excluded}


def test_the_thinnest_original_axial_soft_series_is_selected():
    thin, thick = series("thin", slice_thickness_mm=1.0), series("thick", slice_thickness_mm=5.0)
    sharp = series("sharp", slice_thickness_mm=0.6, kernel_class="sharp")
    coronal = series("coronal", slice_thickness_mm=0.5, plane="coronal")
    derived = series("derived", slice_thickness_mm=0.5, image_kind="derived")
    scout = series("scout", image_kind="localizer", plane="coronal", n_slices=1)

    chosen, excluded = chosen_of(thin, thick, sharp, coronal, derived, scout)

    assert chosen == ["thin"]
    assert {name: (row["reason"], row["decided_by"], row["chosen_scan_id"]) for name, row in excluded.items()} == {
        "thick": ("other_series", "thinnest", "thin"),
        "sharp": ("other_series", "soft_kernel", "thin"),
        "coronal": ("not_axial", None, None),
        "derived": ("derived", None, None),
        "scout": ("localizer", None, None),
    }
    assert excluded["scout"]["also"] == "not_axial;too_few_slices"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"plane": None}, "no_geometry"),
        ({"image_kind": "localizer"}, "localizer"),
        ({"image_kind": "derived"}, "derived"),
        ({"plane": "sagittal"}, "not_axial"),
        ({"hu_lowest": None}, "no_hu"),
        ({"gantry_tilt_deg": 0.11}, "gantry_tilt"),
        ({"n_repeated_positions": 1}, "repeated_positions"),
        ({"n_gaps": 1}, "gaps"),
        ({"complete_header_reason": "repeated_positions;uneven_spacing"}, "uneven_spacing"),
        ({"n_slices": 9}, "too_few_slices"),
        ({"slice_thickness_mm": 5.1}, "too_thick"),
        ({"kernel_class": "sharp"}, "not_soft"),
        ({"kernel_class": None}, "not_soft"),
    ],
)
def test_each_reason_excludes_its_series(facts, reason):
    limits = {"gantry_tilt_deg": 0.1, "n_slices": 10, "slice_thickness_mm": 5.0}

    chosen, excluded = chosen_of(
        series("good", **limits), series("bad", exam_id="e2", patient_id="p2", **facts), exclude=[reason]
    )

    assert chosen == ["good"]
    assert excluded["bad"]["reason"] == reason
    assert chosen_of(series("bad", **facts), exclude=[])[0] == ["bad"]


def test_monoenergetic_series_are_selected_without_alternatives():
    mono = series("mono", image_kind="monoenergetic", slice_thickness_mm=0.4)
    plain, scout = series("plain"), series("scout", image_kind="localizer")

    assert chosen_of(mono, scout)[0] == ["mono"]
    chosen, excluded = chosen_of(mono, plain)
    assert (chosen, excluded["mono"]["reason"], excluded["mono"]["chosen_scan_id"]) == (["plain"], "derived", None)
    assert chosen_of(mono, plain, exclude=["localizer"])[0] == ["mono"]
    assert chosen_of(mono, series("other", exam_id="e2", day=2))[0] == ["mono"]


def test_reasons_match_the_schema_and_the_descriptions():
    allowed = configuration.load_schema()["properties"]["dicom"]["properties"]

    assert list(EXCLUDES) == allowed["exclude"]["items"]["enum"]
    assert list(PREFERS) == allowed["prefer"]["items"]["enum"]
    assert {*EXCLUDES, "duplicate_images", "other_series", "other_examination"} == set(dicom_codes.SERIES_REASONS)


@pytest.mark.parametrize(
    ("preference", "better", "worse"),
    [
        ("complete", {"complete_header": True}, {"complete_header": None}),
        ("complete", {"complete_header": None}, {"complete_header": False}),
        ("contrast", {"contrast": True}, {"contrast": None}),
        ("contrast", {"contrast": None}, {"contrast": False}),
        ("no_contrast", {"contrast": False}, {"contrast": None}),
        ("soft_kernel", {"kernel_class": "soft"}, {"kernel_class": None}),
        ("soft_kernel", {"kernel_class": None}, {"kernel_class": "sharp"}),
        ("thinnest", {"slice_thickness_mm": 1.0}, {"slice_thickness_mm": 1.1}),
        ("thinnest", {"slice_thickness_mm": 9.0}, {"slice_thickness_mm": None}),
        ("longest", {"z_extent_mm": 301.0}, {"z_extent_mm": 300.0}),
        ("longest", {"z_extent_mm": 1.0}, {"z_extent_mm": None}),
    ],
)
def test_each_preference_selects_the_better_series(preference, better, worse):
    chosen, excluded = chosen_of(series("a", **worse), series("b", **better), prefer=[preference])

    assert chosen == ["b"]
    assert excluded["a"]["decided_by"] == preference


def test_equal_series_are_selected_by_id_in_any_order():
    rows = [series(name) for name in ("c", "a", "b")]

    for order in itertools.permutations(rows):
        chosen, excluded = chosen_of(*order)
        assert chosen == ["a"]
        assert {row["decided_by"] for row in excluded.values()} == {"id"}


def test_examinations_are_selected_by_day_and_time():
    rows = [
        series("a", "e9", day=10, second=5),
        series("b", "e1", day=10, second=9),
        series("c", "e5", day=3),
        series("d", "e7", day=None),
        series("e", "e3", "p2", day=99),
    ]

    assert chosen_of(*rows, examination="first")[0] == ["c", "e"]
    assert chosen_of(*rows[:3], examination="last")[0] == ["b"]
    assert chosen_of(*rows, examination="all")[0] == ["a", "b", "c", "d", "e"]
    excluded = chosen_of(*rows, examination="first")[1]
    assert {(row["reason"], row["decided_by"], row["chosen_scan_id"]) for row in excluded.values()} == {
        ("other_examination", "first", "c")
    }
    assert set(excluded) == set("abd")


def test_examinations_without_suitable_series_are_ignored():
    rows = [series("scout", "e1", day=1, image_kind="localizer"), series("late", "e2", day=2)]

    chosen, excluded = chosen_of(*rows, examination="first")

    assert chosen == ["late"]
    assert excluded["scout"]["reason"] == "localizer"


def test_an_empty_list_of_series_is_accepted():
    assert choose([], RULE) == ([], [])
