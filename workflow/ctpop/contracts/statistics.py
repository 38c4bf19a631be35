"""The statistics against age, and the comparison with a known truth."""

from ctpop.contracts.columns import count, number, p_value, text, truth
from ctpop.contracts.keys import (
    ANALYSED,
    FAMILY,
    FEW,
    INTERVALS,
    MEASURE,
    NO_INTERVAL,
    NORMALITY_METHODS,
    PATIENTS,
    RULE_SETS,
    SCAN,
    STRUCTURE,
)
from ctpop.contracts.tables import Table

PAIR = {"a": "younger", "b": "older"}
NORMALITY = Table(
    "normality",
    ("structure", "measure"),
    "one row per structure and measure: Kolmogorov-Smirnov test of normality",
    {
        "structure": ANALYSED,
        "measure": MEASURE,
        "n": count("usable values, one of a scan"),
        "n_patients": PATIENTS,
        "d": number("largest distance between the distribution functions", low=0, high=1, missing=FEW),
        "p": p_value("P value", FEW),
        "method": text("variant of the test", among=NORMALITY_METHODS),
        "skewness": number("moment coefficient of skewness", missing=FEW),
    },
)
ASSOCIATIONS = Table(
    "associations",
    ("structure", "measure"),
    "one row per structure and measure: Spearman rank correlation with age",
    {
        "structure": ANALYSED,
        "measure": MEASURE,
        "n": count("usable values, one of a scan"),
        "n_patients": PATIENTS,
        "rho": number("Spearman rank correlation with age", low=-1, high=1, missing=FEW),
        "ci_low": number("lower limit of its confidence interval", low=-1, high=1, missing=NO_INTERVAL),
        "ci_high": number("upper limit", low=-1, high=1, missing=NO_INTERVAL),
        "interval": text("method of the interval (aging.interval)", among=INTERVALS),
        "log10_p": number("decimal logarithm of P, exact far below 1e-308", high=0, missing=FEW),
        "p": p_value("P value, two-sided", FEW),
        "p_bonferroni": p_value("P times the tests of the family, at most 1", FEW),
        "p_holm": p_value("P adjusted by Holm", FEW),
        "q_bh": p_value("false discovery rate by Benjamini and Hochberg", FEW),
        "significant": truth("P is below aging.alpha, as in the paper", missing=FEW),
        "family": FAMILY,
    },
)
GROUPS = Table(
    "groups",
    ("structure", "measure"),
    "one row per structure and measure: Kruskal-Wallis test over the age quartiles of the cohort",
    {
        "structure": ANALYSED,
        "measure": MEASURE,
        "n": count("usable values, one of a scan"),
        "n_patients": PATIENTS,
        "h": number("H, corrected for ties", low=0, missing=FEW),
        "df": count("degrees of freedom", low=1, missing=FEW),
        "log10_p": number("decimal logarithm of P", high=0, missing=FEW),
        "p": p_value("P value", FEW),
        "p_bonferroni": p_value("P times the tests of the family, at most 1", FEW),
        "p_holm": p_value("P adjusted by Holm", FEW),
        "q_bh": p_value("false discovery rate by Benjamini and Hochberg", FEW),
        "significant": truth("P is below aging.alpha, as in the paper", missing=FEW),
        "epsilon_squared": number("effect size H/(n-1)", low=0, high=1, missing=FEW),
        "epsilon_squared_of_rho": number(
            "15/16 rho^2: epsilon_squared where values rise or fall evenly with age", low=0, high=1, missing=FEW
        ),
        "discordant": truth(
            "significant, and epsilon_squared is more than twice that of rho: the relation does not go one way",
            missing=FEW,
        ),
        "n_1": count("values in the first (youngest) quartile"),
        "n_2": count("values in the second quartile"),
        "n_3": count("values in the third quartile"),
        "n_4": count("values in the fourth (oldest) quartile"),
        **{
            f"n_patients_{group}": count(f"different patients of the n_{group} scans", "patients")
            for group in (1, 2, 3, 4)
        },
        **{
            f"{end}_{group}": number(f"age of the {end} in quartile {group}", "years", missing="no values in it")
            for end in ("youngest", "oldest")
            for group in (1, 2, 3, 4)
        },
        "cut_1": number("age between first and second quartile", "years", missing="no ages"),
        "cut_2": number("age between second and third quartile", "years", missing="no ages"),
        "cut_3": number("age between third and fourth quartile", "years", missing="no ages"),
        "family": FAMILY,
    },
)
POSTHOC = Table(
    "posthoc",
    ("structure", "measure", "group_a", "group_b"),
    "one row per structure, measure and pair of age quartiles: Wilcoxon rank-sum test",
    {
        "structure": ANALYSED,
        "measure": MEASURE,
        "group_a": count("younger quartile", low=1),
        "group_b": count("older quartile", low=2),
        **{f"n_{end}": count(f"values in the {which} quartile, one of a scan") for end, which in PAIR.items()},
        **{f"n_patients_{end}": count(f"different patients of the n_{end} scans", "patients") for end in PAIR},
        "u": number("Mann-Whitney U of the younger quartile", low=0, missing=FEW),
        "z": number("standardised U, corrected for ties and continuity", missing=FEW),
        "log10_p": number("decimal logarithm of P", high=0, missing=FEW),
        "p": p_value("P value, two-sided", FEW),
        "p_bonferroni": p_value("P times the tests of the family, at most 1", FEW),
        "p_holm": p_value("P adjusted by Holm", FEW),
        "q_bh": p_value("false discovery rate by Benjamini and Hochberg", FEW),
        "significant": truth("P is below aging.alpha, as in the paper", missing=FEW),
        "auc": number("probability that the older quartile has the larger value", low=0, high=1, missing=FEW),
        "cliffs_delta": number("2 auc - 1", low=-1, high=1, missing=FEW),
        "shift": number("Hodges-Lehmann shift, older minus younger", "ml or HU", missing=FEW),
        "family": FAMILY,
    },
)
SENSITIVITY = Table(
    "sensitivity",
    ("structure", "measure", "rules"),
    "one row per structure, measure and rule set of the screening: Spearman correlation with age under these rules",
    {
        "structure": ANALYSED,
        "measure": MEASURE,
        "rules": text("rule set", among=RULE_SETS),
        "n": count("usable values, one of a scan"),
        "n_patients": PATIENTS,
        "rho": number("Spearman rank correlation with age", low=-1, high=1, missing=FEW),
        "ci_low": number("lower limit of its confidence interval", low=-1, high=1, missing=NO_INTERVAL),
        "ci_high": number("upper limit", low=-1, high=1, missing=NO_INTERVAL),
        "log10_p": number("decimal logarithm of P", high=0, missing=FEW),
        "p": p_value("P value, two-sided, not adjusted", FEW),
        "difference": number(
            "rho minus that of the study's own rules (associations)", low=-2, high=2, missing=f"{FEW}, here or there"
        ),
    },
)
COMPARE_TRUTH = Table(
    "compare_truth",
    ("structure", "measure"),
    "only where the truth is known (study.truth): measured against true values of the same scans",
    {
        "structure": STRUCTURE,
        "measure": MEASURE,
        "n": count("scans with a usable measured and a true value"),
        "n_patients": PATIENTS,
        "pearson_r": number("correlation of measured and true values", low=-1, high=1, missing=FEW),
        "bias": number("mean of measured minus true", "ml or HU", missing=FEW),
        "bias_percent": number("bias in percent of the mean true volume", "%", missing=f"{FEW}, or not a volume"),
        "rho_true": number("Spearman correlation of the true values with age", low=-1, high=1, missing=FEW),
        "rho_measured": number("Spearman correlation of the measured values with age", low=-1, high=1, missing=FEW),
        "ci_low": number("lower limit of the confidence interval of rho_measured", low=-1, high=1, missing=NO_INTERVAL),
        "ci_high": number("upper limit", low=-1, high=1, missing=NO_INTERVAL),
        "truth_inside": truth("rho_true lies inside the interval", missing=NO_INTERVAL),
    },
)
TRUTH = Table(
    "truth",
    ("scan_id", "structure"),
    "input (study.truth): true volume and attenuation, where a simulation knows them",
    {
        "scan_id": SCAN,
        "structure": STRUCTURE,
        "volume_ml": number("true volume", "ml", low=0),
        "hu_mean": number("mean attenuation inside the true outline", "HU", missing="no voxel"),
    },
)
