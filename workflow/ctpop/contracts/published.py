"""Tables of published results, of their comparison with a study, and of the comparison of two studies."""

from ctpop.contracts import codes
from ctpop.contracts.columns import Column, count, number, p_value, text, truth
from ctpop.contracts.keys import ANALYZED, FAMILY, FEW, MEASURE, MEASURES, NO_INTERVAL
from ctpop.contracts.tables import Table

QUANTITIES = tuple(codes.QUANTITIES)
AGREEMENTS = tuple(codes.AGREEMENTS)
COUNTERPARTS = tuple(codes.COUNTERPARTS)

NOT_OF_ONE = "the number does not refer to a structure"
NO_NOTE = "no ambiguity"
NO_RHO = "the number is not a correlation"
NO_TEST = "the number has no sampling error, or no comparison is possible"

PUBLISHED = Table(
    "published_results",
    ("id",),
    "published results: one row per number that the original study reports about its aging study. The table is shipped"
    " as `workflow/ctpop/resources/published_results.csv`",
    {
        "id": text("identifier of the row"),
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
COMPARE_PUBLISHED = Table(
    "compare_published",
    ("id",),
    "comparison of this study with the original study: one row per number that was reported or computed in the original"
    " study",
    {
        "id": text("identifier of the row in `workflow/ctpop/resources/published_results.csv`"),
        "statistic": text("description of the number"),
        "structure": text(
            "structure or group of structures that is compared",
            missing=f"{NOT_OF_ONE}, or this study does not include the structure",
        ),
        "structure_published": text("structure as named in the publication", missing=NOT_OF_ONE),
        "measure": text("measured variable", among=MEASURES, missing=NOT_OF_ONE),
        "rho_published": number("published rho", low=-1, high=1, missing=f"{NO_RHO}, or is not reported"),
        "rho_here": number("rho in this study", low=-1, high=1, missing=f"{NO_RHO}, or this study has no result"),
        "ci_low_published": number(
            "lower limit of the confidence interval of `rho_published` (Bonett and Wright)",
            low=-1,
            high=1,
            missing="no published rho",
        ),
        "ci_high_published": number(
            "upper limit of the confidence interval of `rho_published` (Bonett and Wright)",
            low=-1,
            high=1,
            missing="no published rho",
        ),
        "ci_low_here": number(
            "lower limit of the confidence interval of `rho_here` (table `associations`)",
            low=-1,
            high=1,
            missing=f"{NO_RHO}, or this study has no interval",
        ),
        "ci_high_here": number(
            "upper limit of the confidence interval of `rho_here` (table `associations`)",
            low=-1,
            high=1,
            missing=f"{NO_RHO}, or this study has no interval",
        ),
        "rho_left": number(
            "rho of the left structure",
            low=-1,
            high=1,
            missing="the number does not refer to a pair, or no result was obtained",
        ),
        "rho_right": number(
            "rho of the right structure",
            low=-1,
            high=1,
            missing="the number does not refer to a pair, or no result was obtained",
        ),
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
            "number in this study minus published number. For counts, the difference between the proportions",
            missing="one of the two numbers is missing",
        ),
        "z": number("standardized difference (see docs/methods/comparisons.md)", missing=NO_TEST),
        "p": p_value("two-sided P value of `z`, not adjusted", NO_TEST),
        "verdict": text("result of the comparison", among=AGREEMENTS),
        "note": text("ambiguities of the published number", missing=NO_NOTE),
    },
)


def _study(name: str) -> dict[str, Column]:
    return {
        f"n_{name}": count(
            f"number of usable values in study {name.upper()}", missing="the study does not include the structure"
        ),
        f"n_patients_{name}": count(
            f"number of patients among the `n_{name}` scans", missing="the study does not include the structure"
        ),
        f"rho_{name}": number(
            f"Spearman rank correlation with age in study {name.upper()}", low=-1, high=1, missing=FEW
        ),
        f"ci_low_{name}": number(
            f"lower limit of the confidence interval of `rho_{name}`", low=-1, high=1, missing=NO_INTERVAL
        ),
        f"ci_high_{name}": number(
            f"upper limit of the confidence interval of `rho_{name}`", low=-1, high=1, missing=NO_INTERVAL
        ),
    }


NO_DIFFERENCE = "not compared, or one of the studies has no result"
COMPARISON = Table(
    "comparison",
    ("structure", "measure"),
    "comparison of two studies (A and B): one row per structure or group of structures and measure. The table is"
    " written by `ctpop compare`",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "counterpart": text("correspondence of the structure or group between the studies", among=COUNTERPARTS),
        **_study("a"),
        **_study("b"),
        "difference": number("`rho_b` minus `rho_a`", low=-2, high=2, missing=NO_DIFFERENCE),
        "difference_low": number(
            "lower limit of the confidence interval for the difference (Zou method)",
            low=-2,
            high=2,
            missing=NO_DIFFERENCE,
        ),
        "difference_high": number(
            "upper limit of the confidence interval for the difference (Zou method)",
            low=-2,
            high=2,
            missing=NO_DIFFERENCE,
        ),
        "z": number(
            "difference between the Fisher-transformed correlations divided by its standard error",
            missing=NO_DIFFERENCE,
        ),
        "log10_p": number("base-10 logarithm of the P value", high=0, missing=NO_DIFFERENCE),
        "p": p_value("two-sided P value of `z`", NO_DIFFERENCE),
        "p_bonferroni": p_value("P value multiplied by the number of tests of the family, at most 1", NO_DIFFERENCE),
        "q_bh": p_value("P value adjusted with the Benjamini-Hochberg method (false discovery rate)", NO_DIFFERENCE),
        "n_shared_scans": count(
            "number of scans in both studies, identified by `scan_id`, image digest, or checksum of the label map"
        ),
        "n_shared_patients": count("number of patients in both studies, identified by `patient_id` or a shared scan"),
        "independent": truth(
            "whether no patient is known to be in both studies. If false, the P values and intervals are not valid"
        ),
        "family": FAMILY,
    },
)
