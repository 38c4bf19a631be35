"""Sentences about changes within patients and about repeatability."""

from types import SimpleNamespace

import pandas as pd
import pytest

from ctpop.stages.report import repeat_sentences

NO_RESULT = pd.DataFrame(columns=["structure"])


def study(changes=NO_RESULT, retest=NO_RESULT, primary=()):
    return SimpleNamespace(
        conventions=SimpleNamespace(confidence=0.95),
        tables={"within_patient": changes, "retest": retest},
        label_set=SimpleNamespace(names=["liver", "spleen"]),
        config={"aging": {"alpha": 0.01, "primary": list(primary)}},
    )


def changes(*p, measures=("volume_ml", "hu_mean", "hu_mean"), covariates="scanner"):
    rows = [
        {"structure": "liver", "measure": measure, "p": each, "within": each * 10, "n_long": 100 + number}
        | {"within_low": each * 10 - 1, "within_high": each * 10 + 1}
        for number, (measure, each) in enumerate(zip(measures, p, strict=True))
    ]
    return pd.DataFrame(rows).assign(n_patients_long=50, adjusted_for=covariates)


def retest(*icc, measures=("volume_ml", "hu_mean", "hu_mean")):
    return pd.DataFrame({"structure": "liver", "measure": list(measures)[: len(icc)], "icc": icc})


def test_changes_that_differ_from_differences_between_patients_are_counted():
    text = repeat_sentences.repeats(study(changes(0.5, 0.001, 0.2)))

    assert text == (
        "In up to 100 scans of 50 patients with scans at least 6 months apart, the change within patients per decade"
        " differed from the difference between patients (P < .01) in 0 of 1 volume and 1 of 2 attenuation values"
        " (50%)."
    )


def test_changes_of_primary_structures_are_reported_with_interval_p_and_n():
    text = repeat_sentences.repeats(study(changes(0.5, measures=("volume_ml",)), primary=["liver"]))

    assert text.endswith(
        "The changes within patients per decade in the primary structures were as follows: volume of the liver (5.0%;"
        " 95% CI: 4.0%, 6.0%; P = .50 for the difference from the slope between patients; n = 100 scans of 50"
        " patients)."
    )


@pytest.mark.parametrize(
    ("icc", "expected"),
    [
        (
            (0.98, 0.9, 0.8),
            "median intraclass correlation coefficient of two scans within 7 days was .98 for volume and"
            " .85 (range, .80 to .90; 2 structures) for attenuation.",
        ),
        ((0.98,), "intraclass correlation coefficient of two scans within 7 days was .98 for volume."),
    ],
)
def test_the_repeatability_is_reported_by_measure(icc, expected):
    assert repeat_sentences.repeats(study(retest=retest(*icc))) == f"The {expected}"


def test_studies_without_results_have_no_sentences():
    nothing = changes(float("nan"), measures=("volume_ml",)), retest(float("nan"))

    for made in (study(), study(*nothing)):
        assert repeat_sentences.repeats(made) == ""
        assert repeat_sentences.methods(made) == {"changes": "", "repeatability": ""}


@pytest.mark.parametrize(
    ("covariates", "end"), [("none", "separate terms {reference}."), ("scanner", ", with adjustment for scanner.")]
)
def test_the_methods_contain_the_analyses_with_results_and_their_covariates(covariates, end):
    found = repeat_sentences.methods(study(changes(0.5, measures=("hu_mean",), covariates=covariates), retest(0.9)))

    assert found["changes"].endswith(end)
    assert found["changes"].count("{") == found["repeatability"].count("{reference}") == 1
