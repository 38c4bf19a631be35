import numpy as np
import pytest

from ctpop.stats.patient_sums import has_repeats, scans_per_patient, sums_by_patient


@pytest.mark.parametrize(
    ("patients", "expected"),
    [([], False), ([3], False), ([0, 1, 2], False), ([0, 1, 0], True), ([10**9, 5, 10**9], True), ([-1, -2], False)],
)
def test_repeats_are_found_for_any_numbers(patients, expected):
    assert has_repeats(np.array(patients, dtype=int)) is expected


def test_sums_have_the_order_of_the_patient_numbers():
    contributions = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
    assert sums_by_patient(contributions, np.array([9, 3, 9])).tolist() == [[2, 20], [5, 50]]
    assert scans_per_patient(np.array([9, 3, 9])).tolist() == [2, 1, 2]
