"""Tests of the histograms, fingerprints, and scripts of the gallery."""

import json

import numpy as np
import pandas as pd
import pytest

from ctpop.stages.review.case_pictures import MOST_BINS, SHOWN, binned, fingerprint_of, script_json


def rows(**changed):
    values = {"structure": ["liver", "spleen"], **{name: [1.0, np.nan] for name in SHOWN}, "n_voxels": [5, 0]}
    return pd.DataFrame({**values, **changed})


def test_bins_keep_every_voxel_and_the_tails_go_to_the_outer_ones():
    hu = np.array([-1000, 40, 41, 42, 59, 3000])
    n = np.array([1, 500, 400, 300, 200, 1])

    found = binned(hu, n)

    assert found == {"first": 40, "width": 1, "counts": [501, 400, 300, *[0] * 16, 201]}


@pytest.mark.parametrize("spread", [1, 59, 60, 500, 4000, 60_000])
def test_bins_are_limited_in_number_and_start_at_a_multiple_of_their_width(spread):
    hu = np.arange(-spread // 2, spread // 2 + 1)

    found = binned(hu, np.full(hu.size, 3))

    assert sum(found["counts"]) == 3 * hu.size
    assert 1 <= len(found["counts"]) <= MOST_BINS
    assert found["first"] % found["width"] == 0


def test_a_structure_without_voxels_has_no_histogram():
    assert binned(np.empty(0, int), np.empty(0, int)) == {}


def test_the_fingerprint_changes_with_the_label_map_and_with_the_measurements():
    one = fingerprint_of("a" * 64, rows())

    assert len(one) == 16
    assert fingerprint_of("a" * 64, rows().iloc[::-1]) == one
    assert fingerprint_of("b" * 64, rows()) != one
    assert fingerprint_of("a" * 64, rows(hu_mean=[1.0000001, np.nan])) != one
    assert fingerprint_of("a" * 64, rows(hu_max=[1.0, 2.0])) != one


def test_text_in_a_script_cannot_end_the_script_or_start_another():
    text = '</script><script>alert(1)</script>\u2028 é &amp; "quoted"'

    found = script_json({"text": text})

    assert json.loads(found) == {"text": text}
    assert found.isascii()
    assert not set("<>&") & set(found)
