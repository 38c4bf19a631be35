"""Tables of statistics against age and of the comparison with the ground truth."""

from ctpop.contracts.columns import count, number, p_value, text, truth
from ctpop.contracts.keys import (
    ANALYZED,
    FAMILY,
    FEW,
    INTERVALS,
    LOG10_P_INDEPENDENCE,
    LOG10_P_RHO0,
    MEASURE,
    NO_INTERVAL,
    NORMALITY_METHODS,
    P_INDEPENDENCE,
    P_RHO0,
    PATIENTS,
    RULE_SETS,
    SCAN,
    STRUCTURE,
)
from ctpop.contracts.tables import Table

PAIR = {"a": "younger", "b": "older"}
USABLE = count("number of usable values (one per scan)")
LOG10_P = number("base-10 logarithm of the P value", high=0, missing=FEW)
BONFERRONI = p_value("P value multiplied by the number of tests of the family, at most 1", FEW)
HOLM = p_value("P value adjusted with the Holm method", FEW)
Q_BH = p_value("P value adjusted with the Benjamini-Hochberg method (false discovery rate)", FEW)
SIGNIFICANT = truth("whether the unadjusted P value is below `aging.alpha`, as in the original study", missing=FEW)
RHO = number("Spearman rank correlation with age", low=-1, high=1, missing=FEW)
CI_LOW = number("lower limit of the confidence interval of `rho`", low=-1, high=1, missing=NO_INTERVAL)
CI_HIGH = number("upper limit of the confidence interval of `rho`", low=-1, high=1, missing=NO_INTERVAL)
NO_AGES = "the cohort contains no ages"
NORMALITY = Table(
    "normality",
    ("structure", "measure"),
    "Kolmogorov-Smirnov test of normality: one row per structure and measure",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "n": USABLE,
        "n_patients": PATIENTS,
        "d": number("D statistic: largest distance between the distribution functions", low=0, high=1, missing=FEW),
        "p": p_value("P value", FEW),
        "method": text("variant of the test", among=NORMALITY_METHODS),
        "skewness": number("moment coefficient of skewness", missing=FEW),
    },
)
ASSOCIATIONS = Table(
    "associations",
    ("structure", "measure"),
    "Spearman rank correlation with age: one row per structure and measure",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "n": USABLE,
        "n_patients": PATIENTS,
        "rho": RHO,
        "ci_low": CI_LOW,
        "ci_high": CI_HIGH,
        "interval": text("method of the confidence interval (`aging.interval`)", among=INTERVALS),
        "log10_p_rho0": number(LOG10_P_RHO0, high=0, missing=NO_INTERVAL),
        "p_rho0": p_value(P_RHO0, NO_INTERVAL),
        "log10_p_independence": number(
            f"{LOG10_P_INDEPENDENCE}, which is accurate even for P values below 1e-308", high=0, missing=FEW
        ),
        "p_independence": p_value(P_INDEPENDENCE, FEW),
        "p_bonferroni": BONFERRONI,
        "p_holm": HOLM,
        "q_bh": Q_BH,
        "significant": SIGNIFICANT,
        "family": FAMILY,
    },
)
GROUPS = Table(
    "groups",
    ("structure", "measure"),
    "Kruskal-Wallis test across the age quartiles of the cohort: one row per structure and measure",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "n": USABLE,
        "n_patients": PATIENTS,
        "h": number("H statistic, corrected for ties", low=0, missing=FEW),
        "df": count("degrees of freedom", low=1, missing=FEW),
        "log10_p": LOG10_P,
        "p": p_value("P value", FEW),
        "p_bonferroni": BONFERRONI,
        "p_holm": HOLM,
        "q_bh": Q_BH,
        "significant": SIGNIFICANT,
        "epsilon_squared": number("effect size, H / (n - 1)", low=0, high=1, missing=FEW),
        "epsilon_squared_of_rho": number(
            "effect size expected from the correlation (15/16 of the square of rho), which is the value of"
            " `epsilon_squared` if the values increase or decrease steadily with age",
            low=0,
            high=1,
            missing=FEW,
        ),
        "discordant": truth(
            "whether the test is significant and `epsilon_squared` is more than twice `epsilon_squared_of_rho`, which"
            " indicates a relationship that is not monotonic",
            missing=FEW,
        ),
        "n_1": count("number of values in the first (youngest) quartile"),
        "n_2": count("number of values in the second quartile"),
        "n_3": count("number of values in the third quartile"),
        "n_4": count("number of values in the fourth (oldest) quartile"),
        **{
            f"n_patients_{group}": count(f"number of patients among the `n_{group}` scans", "patients")
            for group in (1, 2, 3, 4)
        },
        **{
            f"{end}_{group}": number(
                f"age of the {end} patient in quartile {group}", "years", missing="the quartile contains no values"
            )
            for end in ("youngest", "oldest")
            for group in (1, 2, 3, 4)
        },
        "cut_1": number("cut point between the first and second quartiles", "years", missing=NO_AGES),
        "cut_2": number("cut point between the second and third quartiles", "years", missing=NO_AGES),
        "cut_3": number("cut point between the third and fourth quartiles", "years", missing=NO_AGES),
        "family": FAMILY,
    },
)
POSTHOC = Table(
    "posthoc",
    ("structure", "measure", "group_a", "group_b"),
    "Wilcoxon rank-sum tests of pairs of age quartiles: one row per structure, measure, and pair",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "group_a": count("younger quartile", low=1),
        "group_b": count("older quartile", low=2),
        **{
            f"n_{end}": count(f"number of values in the {which} quartile (one per scan)") for end, which in PAIR.items()
        },
        **{f"n_patients_{end}": count(f"number of patients among the `n_{end}` scans", "patients") for end in PAIR},
        "u": number("Mann-Whitney U statistic of the younger quartile", low=0, missing=FEW),
        "z": number("standardized U statistic, corrected for ties and continuity", missing=FEW),
        "log10_p": LOG10_P,
        "p": p_value("two-sided P value", FEW),
        "p_bonferroni": BONFERRONI,
        "p_holm": HOLM,
        "q_bh": Q_BH,
        "significant": SIGNIFICANT,
        "auc": number(
            "probability that a value of the older quartile exceeds a value of the younger quartile",
            low=0,
            high=1,
            missing=FEW,
        ),
        "cliffs_delta": number("Cliff delta, 2 × `auc` - 1", low=-1, high=1, missing=FEW),
        "shift": number("Hodges-Lehmann shift (older minus younger quartile)", "mL or HU", missing=FEW),
        "family": FAMILY,
    },
)
SENSITIVITY = Table(
    "sensitivity",
    ("structure", "measure", "rules"),
    "Spearman rank correlation with age under each rule set of the screening: one row per structure, measure, and rule"
    " set",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "rules": text("rule set", among=RULE_SETS),
        "n": USABLE,
        "n_patients": PATIENTS,
        "rho": RHO,
        "ci_low": CI_LOW,
        "ci_high": CI_HIGH,
        "log10_p_rho0": number(LOG10_P_RHO0, high=0, missing=NO_INTERVAL),
        "p_rho0": p_value(P_RHO0, NO_INTERVAL),
        "log10_p_independence": number(LOG10_P_INDEPENDENCE, high=0, missing=FEW),
        "p_independence": p_value(f"{P_INDEPENDENCE}; not adjusted", FEW),
        "difference": number(
            "`rho` minus the correlation under the rule set of the study (table `associations`)",
            low=-2,
            high=2,
            missing="too few usable values, or all values are equal, under this rule set or under that of the study",
        ),
    },
)
COMPARE_TRUTH = Table(
    "compare_truth",
    ("structure", "measure"),
    "comparison of measured values with the ground truth of the same scans: one row per structure and measure. The"
    " table is written only for simulated studies with ground truth",
    {
        "structure": STRUCTURE,
        "measure": MEASURE,
        "n": count("number of scans with a usable measured value and a true value"),
        "n_patients": PATIENTS,
        "pearson_r": number("Pearson correlation between the measured and true values", low=-1, high=1, missing=FEW),
        "bias": number("mean of the measured minus the true values", "mL or HU", missing=FEW),
        "bias_percent": number(
            "bias as a percentage of the mean true volume",
            "%",
            missing="too few usable values, all values are equal, or the measure is not a volume",
        ),
        "rho_true": number("Spearman rank correlation of the true values with age", low=-1, high=1, missing=FEW),
        "rho_measured": number(
            "Spearman rank correlation of the measured values with age", low=-1, high=1, missing=FEW
        ),
        "ci_low": number(
            "lower limit of the confidence interval of `rho_measured`", low=-1, high=1, missing=NO_INTERVAL
        ),
        "ci_high": number(
            "upper limit of the confidence interval of `rho_measured`", low=-1, high=1, missing=NO_INTERVAL
        ),
        "truth_inside": truth(
            "whether `rho_true` is within the confidence interval of `rho_measured`", missing=NO_INTERVAL
        ),
    },
)
TRUTH = Table(
    "truth",
    ("scan_id", "structure"),
    "ground truth of volume and attenuation (setting `study.truth`): one row per simulated scan and structure",
    {
        "scan_id": SCAN,
        "structure": STRUCTURE,
        "volume_ml": number("true volume", "mL", low=0),
        "hu_mean": number("mean attenuation within the true outline", "HU", missing="the structure has no voxel"),
    },
)
