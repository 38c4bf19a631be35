"""Properties of the DICOM import: damaged files do not stop it, and every file is counted in any order."""

import itertools
import string
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as fuzzing
from hypothesis import strategies as st
from pydicom import uid

from ctpop.contracts import dicom_codes
from ctpop.stages.dicom import ages
from ctpop.stages.dicom.geometry import stack_of
from ctpop.stages.dicom.header_reading import read_facts
from ctpop.stages.dicom.pseudonyms import Pseudonyms
from ctpop.stages.dicom.series_selection import choose
from ctpop.study import configuration
from support import dicom_files
from support.laws import law

NAMES = Pseudonyms(bytes(32))
AXIAL = np.array([1.0, 0, 0, 0, 1, 0])
RULE = configuration.section("dicom", None)
heights = st.lists(st.integers(-4000, 4000), min_size=2, max_size=60, unique=True)


@pytest.fixture(scope="module", params=[uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.RLELossless])
def whole(request, tmp_path_factory):
    """Return the bytes of a valid image."""
    return dicom_files.write_series(tmp_path_factory.mktemp("whole"), 1, syntax=request.param)[0].read_bytes()


@given(places=st.lists(st.tuples(st.integers(0, 1400), st.binary(min_size=1, max_size=12)), min_size=1, max_size=4))
@fuzzing(law(50), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_has_a_status_and_raises_nothing(whole, tmp_path, places):
    damaged = bytearray(whole)
    for place, content in places:
        damaged[place : place + len(content)] = content
    (tmp_path / "a").write_bytes(damaged)

    assert read_facts(tmp_path / "a", NAMES).status in dicom_codes.FILE_STATUS


@given(size=st.integers(0, 10_000))
@fuzzing(law(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_truncated_file_is_never_complete(whole, tmp_path, size):
    (tmp_path / "a").write_bytes(whole[: min(size, len(whole) - 9)])

    assert read_facts(tmp_path / "a", NAMES).status in set(dicom_codes.FILE_STATUS) - {"ct_image"}


@law(50)
@given(text=st.one_of(st.text(max_size=6), st.text(string.digits + "DWMYdwmy ", max_size=5)))
def test_an_age_is_between_0_and_120_or_unknown(text):
    years, reason = ages.parse_age(text)

    assert years is None or 0 <= years <= 120
    assert (years is None) == (reason not in {"ok", "no_unit"})


@law(50)
@given(steps=heights, seed=st.integers(0, 99), spacing=st.sampled_from([0.5, 1.0, 2.5]))
def test_the_order_of_files_does_not_change_the_geometry(steps, seed, spacing):
    positions = np.array([[5.0, -3.0, spacing * step] for step in steps])
    shuffled = positions[np.random.default_rng(seed).permutation(len(positions))]

    one, other = stack_of(positions, AXIAL), stack_of(shuffled, AXIAL)

    alike = {"order": None, "first": None, "last": None, "normal": None}
    assert replace(one, **alike) == replace(other, **alike)
    np.testing.assert_array_equal(positions[one.order], shuffled[other.order])


@law(50)
@given(n=st.integers(3, 60), missing=st.sets(st.integers(1, 58), max_size=10), spacing=st.sampled_from([0.5, 1.0, 2.5]))
def test_present_and_missing_slices_sum_to_the_stack(n, missing, spacing):
    gone = {place for place in missing if place < n - 1}
    if len(gone) * 3 >= n - 1:  # with more gaps than slices, the spacing cannot be determined
        return
    positions = np.array([[0.0, 0.0, spacing * place] for place in range(n) if place not in gone])

    stack = stack_of(positions, AXIAL)

    assert stack.n_places + stack.n_missing == n
    assert stack.spacing == pytest.approx(spacing)
    assert stack.n_gaps == sum(1 for place in gone if place + 1 not in gone)


kinds = st.fixed_dictionaries(
    {
        "patient_id": st.sampled_from(["p1", "p2"]),
        "exam_id": st.sampled_from(["e1", "e2", "e3"]),
        "day": st.one_of(st.none(), st.integers(0, 5)),
        "second": st.none(),
        "image_kind": st.sampled_from(["original", "monoenergetic", "derived", "localizer"]),
        "plane": st.sampled_from(["axial", "coronal", None]),
        "hu_lowest": st.sampled_from([None, -1024.0]),
        "n_slices": st.sampled_from([1, 100]),
        "slice_thickness_mm": st.sampled_from([None, 1.0, 5.0]),
        "kernel_class": st.sampled_from([None, "soft", "sharp"]),
        "contrast": st.sampled_from([None, True, False]),
    }
)


@law(50)
@given(rows=st.lists(kinds, max_size=12), which=st.sampled_from(["first", "last", "all"]))
def test_every_series_is_selected_or_has_a_reason(rows, which):
    numbered = [{**row, "scan_id": f"s{number:02}"} for number, row in enumerate(rows)]
    rule = {**RULE, "examination": which}

    chosen, excluded = choose(numbered, rule)

    assert sorted(row["scan_id"] for row in [*chosen, *excluded]) == [row["scan_id"] for row in numbered]
    assert all(row["reason"] in dicom_codes.SERIES_REASONS for row in excluded)
    assert choose(numbered[::-1], rule) == (chosen, excluded)
    per_patient = [len(list(same)) for _, same in itertools.groupby(sorted(row["patient_id"] for row in chosen))]
    assert which == "all" or all(number == 1 for number in per_patient)
