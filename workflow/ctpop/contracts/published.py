"""Tables of published results, and of their comparison with a study."""

from ctpop.contracts import codes
from ctpop.contracts.columns import Column, count, number, text, truth
from ctpop.contracts.keys import MEASURES
from ctpop.contracts.tables import Table

QUANTITIES = tuple(codes.QUANTITIES)
AGREEMENTS = tuple(codes.AGREEMENTS)

NOT_OF_ONE = "the number does not refer to a structure"
NO_NOTE = "no ambiguity"
NO_RHO = "the number is not a correlation"
NO_PAIR = "the number does not refer to a pair, or no result was obtained"

PUBLISHED = Table(
    "published_results",
    ("id",),
    "published results: one row per number that the original study reports about its aging study. The table is shipped"
    " as `workflow/ctpop/resources/published_results.csv`",
    {
        "id": text("identifier of the row"),
        "repeats": text(
            "identifier of the row with the same number, which the publication reports more than once",
            missing="the number does not repeat another row",
        ),
        "kind": text(
            "type of number: `flow`, `demographics`, `design`, `result`, or `gap` (not reported by the original study)"
        ),
        "place": text("section of the publication"),
        "structure_as_written": text("structure as named in the publication", missing=NOT_OF_ONE),
        "members": text("names of the corresponding structures, separated by semicolons", missing=NOT_OF_ONE),
        "aggregation": text(
            "statement of the publication about the combination of the structures",
            missing="the number refers to a single structure or to no structure",
        ),
        "measure": text("measured variable", among=MEASURES, missing=NOT_OF_ONE),
        "quantity": text("quantity in a study with which the number is compared", among=QUANTITIES),
        "statistic": text("description of the number"),
        "value": number("published number", missing="no number is reported"),
        "out_of": count("total that includes the number", missing="the number is not part of a total"),
        "symbol_as_printed": text("symbol in the publication", missing="the publication contains no symbol"),
        "p_as_printed": text("P value in the publication", missing="the publication contains no P value"),
        "quote": text("quotation from the publication", missing="no quotation"),
        "note": text("ambiguities of the number", missing=NO_NOTE),
        "source": text("reference of the publication"),
    },
)


def _rho(meaning: str, missing: str) -> Column:
    return number(meaning, low=-1, high=1, missing=missing)


NOT_PUBLISHED = f"{NO_RHO}, or is not reported"
NO_EXPECTED = f"{NOT_PUBLISHED}, or the ages of this study are unknown or all equal"
NO_RESULT = f"{NO_RHO}, or this study has no result"
NO_DIFFERENCE = "one of the two numbers is missing or has no interval, or the number has no sampling error"
COMPARE_PUBLISHED = Table(
    "compare_published",
    ("id",),
    "comparison of this study with the original study: one row per number that was reported or computed in the original"
    " study",
    {
        "id": text("identifier of the row in `workflow/ctpop/resources/published_results.csv`"),
        "distinct": truth(
            "whether the row is counted in the summary: a published correlation that does not repeat another row"
        ),
        "statistic": text("description of the number"),
        "structure": text(
            "structure or group of structures that is compared",
            missing=f"{NOT_OF_ONE}, or this study does not include the structure",
        ),
        "structure_published": text("structure as named in the publication", missing=NOT_OF_ONE),
        "measure": text("measured variable", among=MEASURES, missing=NOT_OF_ONE),
        "rho_published": _rho("published rho", NOT_PUBLISHED),
        "ci_low_published": _rho(
            "lower limit of the confidence interval of `rho_published` (Bonett and Wright)", NOT_PUBLISHED
        ),
        "ci_high_published": _rho(
            "upper limit of the confidence interval of `rho_published` (Bonett and Wright)", NOT_PUBLISHED
        ),
        "age_sd_ratio": number(
            "standard deviation of age in this study divided by that of the original study (23.96 years)",
            low=0,
            missing=NO_EXPECTED,
        ),
        "rho_expected": _rho("rho that is expected from `rho_published` in the ages of this study", NO_EXPECTED),
        "ci_low_expected": _rho("lower limit of the confidence interval of `rho_expected`", NO_EXPECTED),
        "ci_high_expected": _rho("upper limit of the confidence interval of `rho_expected`", NO_EXPECTED),
        "approximate": truth(
            "whether `rho_expected` differs from `rho_published` by .005 or more. The conversion assumes a straight"
            " line and an equal spread at all ages",
            missing=NO_EXPECTED,
        ),
        "rho_here": _rho("rho in this study", NO_RESULT),
        "ci_low_here": _rho("lower limit of the confidence interval of `rho_here` (table `associations`)", NO_RESULT),
        "ci_high_here": _rho("upper limit of the confidence interval of `rho_here` (table `associations`)", NO_RESULT),
        "rho_left": _rho("rho of the left structure", NO_PAIR),
        "rho_right": _rho("rho of the right structure", NO_PAIR),
        "number_published": number(
            "published number other than a correlation", missing="the number is a correlation, or is not reported"
        ),
        "number_here": number(
            "corresponding number in this study",
            missing="the number is a correlation, or this study does not provide the number",
        ),
        "n": count(
            "number of usable values (for correlations) or scans (for proportions)",
            missing="the number is neither a correlation nor a proportion",
        ),
        "n_patients": count(
            "number of patients among the `n` scans", missing="the number is neither a correlation nor a proportion"
        ),
        "difference": number(
            "`rho_here` minus `rho_expected`, difference between the proportions, or `number_here` minus"
            " `number_published`",
            missing="one of the two numbers is missing",
        ),
        "difference_low": number(
            "lower limit of the confidence interval of `difference` (Zou method; for proportions, Newcombe method)",
            missing=NO_DIFFERENCE,
        ),
        "difference_high": number("upper limit of the confidence interval of `difference`", missing=NO_DIFFERENCE),
        "inner_low": number(
            "lower limit of the interval of `difference` at the level 2 x `aging.confidence` - 1 (90% for 0.95)",
            missing=f"{NO_RHO}, or {NO_DIFFERENCE}",
        ),
        "inner_high": number(
            "upper limit of the interval of `difference` at the level 2 x `aging.confidence` - 1",
            missing=f"{NO_RHO}, or {NO_DIFFERENCE}",
        ),
        "margin": number(
            "largest difference between correlations that counts as equivalent (`aging.equivalence_margin_rho`)",
            low=0,
            missing=NO_RHO,
        ),
        "outcome": text("result of the comparison", among=AGREEMENTS),
        "note": text("ambiguities of the published number", missing=NO_NOTE),
    },
)
