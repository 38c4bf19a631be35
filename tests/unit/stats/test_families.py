import numpy as np
import pytest

from ctpop.stats.families import benjamini_hochberg, bonferroni, holm

P = np.array([0.03, 0.01, 0.04, 0.005])


def test_known_answers():
    assert bonferroni(P) == pytest.approx([0.12, 0.04, 0.16, 0.02])
    assert holm(P) == pytest.approx([0.06, 0.03, 0.06, 0.02])  # 0.04 * 1 is increased to the preceding P value, 0.06
    assert benjamini_hochberg(P) == pytest.approx([0.04, 0.02, 0.04, 0.02])


@pytest.mark.parametrize("adjust", [bonferroni, holm, benjamini_hochberg])
def test_missing_p_values_stay_missing_and_do_not_count(adjust):
    found = adjust(np.insert(P, 2, np.nan))
    assert np.isnan(found[2])
    assert np.delete(found, 2) == pytest.approx(adjust(P))


@pytest.mark.parametrize("adjust", [bonferroni, holm, benjamini_hochberg])
def test_a_family_without_results_has_no_adjusted_p_values(adjust):
    assert np.isnan(adjust(np.array([np.nan, np.nan]))).all()
    assert len(adjust(np.array([]))) == 0


@pytest.mark.parametrize("adjust", [bonferroni, holm, benjamini_hochberg])
def test_a_p_value_of_zero_stays_zero_and_first(adjust):
    tiny = np.where(P < 0.02, 1e-300, P)
    assert adjust(np.where(P < 0.02, 0.0, P))[P < 0.02].tolist() == [0, 0]
    assert adjust(np.where(P < 0.02, 0.0, P))[P >= 0.02] == pytest.approx(adjust(tiny)[P >= 0.02])


def test_bonferroni_p_values_are_at_most_one():
    assert bonferroni(np.array([0.6, 0.9])).tolist() == [1, 1]
