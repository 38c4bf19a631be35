"""What the paper printed, and what a study has beside it; and two studies beside each other."""

from ctpop.contracts import codes
from ctpop.contracts.columns import Column, count, number, p_value, text, truth
from ctpop.contracts.keys import ANALYSED, FAMILY, FEW, MEASURE, MEASURES, NO_INTERVAL
from ctpop.contracts.tables import Table

QUANTITIES = tuple(codes.QUANTITIES)
AGREEMENTS = tuple(codes.AGREEMENTS)
COUNTERPARTS = tuple(codes.COUNTERPARTS)

NOT_OF_ONE = "not a number of one structure"
NOT_STATED = "nothing to say"
NO_RHO = "not a correlation"
NO_TEST = "a number without sampling error, or nothing to compare"

PUBLISHED = Table(
    "published_results",
    ("id",),
    "every number that the paper prints of its aging study, in workflow/ctpop/resources/published_results.csv",
    {
        "id": text("number of the row"),
        "kind": text("flow, demographics, design, result, or gap: what the paper did and does not print"),
        "place": text("section of the paper"),
        "structure_as_written": text("structure in the paper's words", missing=NOT_OF_ONE),
        "members": text("structures that are meant, by name, separated by semicolons", missing=NOT_OF_ONE),
        "aggregation": text("what the paper says about how they were combined", missing="a single structure, or none"),
        "measure": text("what was measured", among=MEASURES, missing=NOT_OF_ONE),
        "quantity": text("which number of a study it is compared with", among=QUANTITIES),
        "statistic": text("what the number is"),
        "value": number("the number", missing="the paper prints none"),
        "out_of": count("people of whom the number is a part", missing="not a part of a count"),
        "symbol_as_printed": text("symbol in the paper", missing="none"),
        "p_as_printed": text("P in the paper", missing="none"),
        "quote": text("words of the paper", missing="none"),
        "note": text("what is ambiguous", missing=NOT_STATED),
        "source": text("the paper"),
    },
)
COMPARE_PUBLISHED = Table(
    "compare_published",
    ("id",),
    "one row per number that the paper prints, or says it computed: that number and ours",
    {
        "id": text("number of the row in workflow/ctpop/resources/published_results.csv"),
        "statistic": text("what the number is"),
        "structure": text(
            "structure or group of structures that is compared", missing=f"{NOT_OF_ONE}, or none of ours"
        ),
        "structure_published": text("structure as the paper writes it", missing=NOT_OF_ONE),
        "measure": text("what was measured", among=MEASURES, missing=NOT_OF_ONE),
        "rho_published": number("rho as printed", low=-1, high=1, missing=f"{NO_RHO}, or not printed"),
        "rho_here": number("rho of this study", low=-1, high=1, missing=f"{NO_RHO}, or no result"),
        "ci_low_published": number("its interval by Bonett and Wright", low=-1, high=1, missing="no printed rho"),
        "ci_high_published": number("upper limit", low=-1, high=1, missing="no printed rho"),
        "ci_low_here": number("interval as in associations", low=-1, high=1, missing=f"{NO_RHO}, or no interval"),
        "ci_high_here": number("upper limit", low=-1, high=1, missing=f"{NO_RHO}, or no interval"),
        "rho_left": number("rho of the left side alone", low=-1, high=1, missing="not a pair, or no result"),
        "rho_right": number("rho of the right side alone", low=-1, high=1, missing="not a pair, or no result"),
        "number_published": number("any other number, as printed", missing="a correlation, or not printed"),
        "number_here": number("the same number of this study", missing="a correlation, or not measured here"),
        "n": count("usable values behind rho, or scans behind a share", missing="neither"),
        "n_patients": count("different patients among the n scans", missing="neither"),
        "difference": number(
            "ours minus the paper's; of a number of people: of the shares", missing="one of the two is missing"
        ),
        "z": number("standardised difference (docs/methods/comparisons.md)", missing=NO_TEST),
        "p": p_value("P value of z, two-sided, not adjusted", NO_TEST),
        "verdict": text("what the comparison came to", among=AGREEMENTS),
        "note": text("what is ambiguous in the paper", missing=NOT_STATED),
    },
)


def _study(name: str) -> dict[str, Column]:
    return {
        f"n_{name}": count(f"usable values of study {name}", missing="the study does not have it"),
        f"n_patients_{name}": count(
            f"different patients among the n_{name} scans", missing="the study does not have it"
        ),
        f"rho_{name}": number("Spearman correlation with age", low=-1, high=1, missing=FEW),
        f"ci_low_{name}": number("lower limit of its interval", low=-1, high=1, missing=NO_INTERVAL),
        f"ci_high_{name}": number("upper limit", low=-1, high=1, missing=NO_INTERVAL),
    }


NO_DIFFERENCE = "not compared, or no result in one of the studies"
COMPARISON = Table(
    "comparison",
    ("structure", "measure"),
    "output of `ctpop compare`: one row per structure or group and measure of two studies a and b",
    {
        "structure": ANALYSED,
        "measure": MEASURE,
        "counterpart": text("is it the same in both studies", among=COUNTERPARTS),
        **_study("a"),
        **_study("b"),
        "difference": number("rho of b minus rho of a", low=-2, high=2, missing=NO_DIFFERENCE),
        "difference_low": number("lower limit of its interval (Zou)", low=-2, high=2, missing=NO_DIFFERENCE),
        "difference_high": number("upper limit", low=-2, high=2, missing=NO_DIFFERENCE),
        "z": number("difference on Fisher's scale over its standard error", missing=NO_DIFFERENCE),
        "log10_p": number("decimal logarithm of P", high=0, missing=NO_DIFFERENCE),
        "p": p_value("P value of z, two-sided", NO_DIFFERENCE),
        "p_bonferroni": p_value("P times the tests of the family, at most 1", NO_DIFFERENCE),
        "q_bh": p_value("false discovery rate by Benjamini and Hochberg", NO_DIFFERENCE),
        "n_shared_scans": count(
            "scans that are in both studies, by scan_id, digest of images or checksum of label map"
        ),
        "n_shared_patients": count("patients that are in both studies, by patient_id or a shared scan"),
        "independent": truth("no patient is known to be in both studies; otherwise P and intervals do not hold"),
        "family": FAMILY,
    },
)
