"""Tables of statistics against age."""

from ctpop.contracts.columns import count, number, p_value, text, truth
from ctpop.contracts.keys import (
    ANALYSES,
    ANALYZED,
    FAMILY,
    FEW,
    INTERVALS,
    LOG10_P_INDEPENDENCE,
    LOG10_P_RHO0,
    MEASURE,
    NO_DECISION,
    NO_INTERVAL,
    NO_NOTE,
    NORMALITY_METHODS,
    NOTES,
    OUTCOMES,
    P_INDEPENDENCE,
    P_RHO0,
    PATIENTS,
    REPEATED,
)
from ctpop.contracts.tables import Table

PAIR = {"a": "younger", "b": "older"}
ENDS = {"low": "lower", "high": "upper"}
FEW_IN_QUARTILE = f"{FEW}, or a quartile contains too few patients"
USABLE = count("number of usable values (one per scan)")
LOG10_P = number("base-10 logarithm of the P value", high=0, missing=NO_DECISION)
P = p_value("two-sided P value of the test in column `test`", NO_DECISION)
BONFERRONI = p_value("P value multiplied by the number of tests of the family, at most 1", NO_DECISION)
HOLM = p_value("P value adjusted with the Holm method", NO_DECISION)
Q_BH = p_value("P value adjusted with the Benjamini-Hochberg method (false discovery rate)", NO_DECISION)
SIGNIFICANT = truth(
    "whether the unadjusted P value of the test in column `test` is below `aging.alpha`, as in the original study",
    missing=NO_DECISION,
)
PRIMARY = truth(
    "whether the structure is a primary outcome (`aging.primary`). P values of primary outcomes are adjusted separately"
)
NOTE = text("restriction of the result", among=NOTES, missing=NO_NOTE)
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
        "interval": text(
            "method of the confidence interval (`aging.interval`). The method `bonett_wright` requires one scan per"
            " patient and is otherwise replaced by `influence`",
            among=INTERVALS,
        ),
        "log10_p_rho0": number(LOG10_P_RHO0, high=0, missing=NO_INTERVAL),
        "p_rho0": p_value(
            f"{P_RHO0}. With the bootstrap, P below 2 / (number of draws + 1) is based on the SD of the draws",
            NO_INTERVAL,
        ),
        "p_rho0_holm": p_value("`p_rho0` adjusted with the Holm method", NO_INTERVAL),
        "log10_p_independence": number(
            f"{LOG10_P_INDEPENDENCE}, which is accurate even for P values below 1e-308", high=0, missing=REPEATED
        ),
        "p_independence": p_value(P_INDEPENDENCE, REPEATED),
        "test": text("test whose P value is adjusted and compared with alpha", among=("independence", "rho0")),
        "p_bonferroni": BONFERRONI,
        "p_holm": HOLM,
        "q_bh": Q_BH,
        "significant": SIGNIFICANT,
        "family": FAMILY,
        "primary": PRIMARY,
        "note": NOTE,
    },
)
GROUPS = Table(
    "groups",
    ("structure", "measure"),
    "Test of equal distributions across the age quartiles of the cohort: one row per structure and measure. The test is"
    " the Kruskal-Wallis test, or a score test by patient if patients have several scans",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "n": USABLE,
        "n_patients": PATIENTS,
        "h": number("Kruskal-Wallis statistic H, corrected for ties", low=0, missing=FEW),
        "q": number(
            "statistic of the score test by patient",
            low=0,
            missing=f"{NO_DECISION}, or the test is the Kruskal-Wallis test",
        ),
        "df": count("degrees of freedom", low=1, missing=FEW),
        "test": text("test with the P value of this row", among=("kruskal_wallis", "score_by_patient")),
        "log10_p": LOG10_P,
        "p": P,
        "p_bonferroni": BONFERRONI,
        "p_holm": HOLM,
        "q_bh": Q_BH,
        "significant": SIGNIFICANT,
        "epsilon_squared": number(
            "effect size, H / (n - 1): proportion of the variance of the ranks between quartiles",
            low=0,
            high=1,
            missing=FEW,
        ),
        "epsilon_squared_ci_low": number(
            "lower limit of the confidence interval of `epsilon_squared`, which is 0 if and only if the P value is at"
            " least 1 minus the confidence level",
            low=0,
            high=1,
            missing=f"{NO_DECISION}, or `epsilon_squared` is 0 or 1",
        ),
        "epsilon_squared_ci_high": number(
            "upper limit of the confidence interval of `epsilon_squared`",
            low=0,
            high=1,
            missing=f"{NO_DECISION}, or `epsilon_squared` is 0 or 1",
        ),
        "epsilon_squared_of_rho": number(
            "effect size expected from the correlation (15/16 of the square of rho), which is the value of"
            " `epsilon_squared` if the ranks change evenly with age",
            low=0,
            high=1,
            missing=FEW,
        ),
        "discordant": truth(
            "whether the test is significant and epsilon squared is more than twice 15/16 of rho squared (not a test of"
            " monotonicity)",
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
        "primary": PRIMARY,
        "note": NOTE,
    },
)
POSTHOC = Table(
    "posthoc",
    ("structure", "measure", "group_a", "group_b"),
    "Wilcoxon rank-sum tests of pairs of age quartiles: one row per structure, measure, and pair. All results refer to"
    " the older quartile: positive values of `z`, `shift`, and `cliffs_delta` mean that its values are larger. The test"
    " is a score test by patient if patients have several scans",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "group_a": count("younger quartile", low=1),
        "group_b": count("older quartile", low=2),
        **{
            f"n_{end}": count(f"number of values in the {which} quartile (one per scan)") for end, which in PAIR.items()
        },
        **{f"n_patients_{end}": count(f"number of patients among the `n_{end}` scans", "patients") for end in PAIR},
        "u": number(
            "Mann-Whitney U statistic of the older quartile: number of pairs in which its value is larger, ties counted"
            " half",
            low=0,
            missing=FEW,
        ),
        "z": number(
            "standardized U statistic, corrected for ties and continuity, or the signed statistic of the score test;"
            " positive if the values of the older quartile are larger",
            missing=NO_DECISION,
        ),
        "test": text("test with the P value of this row", among=("rank_sum", "score_by_patient")),
        "log10_p": LOG10_P,
        "p": p_value(
            "two-sided P value for equal distributions in both quartiles. The confidence intervals allow for unequal"
            " spread, so that an interval can contain no difference although the P value is small, and vice versa",
            NO_DECISION,
        ),
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
        **{
            f"auc_ci_{end}": number(
                f"{word} limit of the confidence interval of `auc`, for the hypothesis `auc` = 0.5 with any spread",
                low=0,
                high=1,
                missing=FEW_IN_QUARTILE,
            )
            for end, word in ENDS.items()
        },
        "cliffs_delta": number("Cliff delta, 2 × `auc` - 1", low=-1, high=1, missing=FEW),
        **{
            f"cliffs_delta_ci_{end}": number(
                f"{word} limit of the confidence interval of `cliffs_delta`", low=-1, high=1, missing=FEW_IN_QUARTILE
            )
            for end, word in ENDS.items()
        },
        "shift": number(
            "Hodges-Lehmann shift: median of all differences older minus younger quartile", "mL or HU", missing=FEW
        ),
        **{
            f"shift_ci_{end}": number(
                f"{word} limit of the confidence interval of `shift`", "mL or HU", missing=FEW_IN_QUARTILE
            )
            for end, word in ENDS.items()
        },
        "family": FAMILY,
        "primary": PRIMARY,
        "note": NOTE,
    },
)
SENSITIVITY = Table(
    "sensitivity",
    ("structure", "measure", "analysis"),
    "Spearman rank correlation with age under each rule set of the screening and in other sensitivity analyses: one row"
    " per structure, measure, and analysis. The analyses `one_scan_per_patient` and `patients_equally_weighted` are"
    " present if patients have several scans, and `eroded` if eroded attenuation was measured",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "analysis": text("sensitivity analysis", among=ANALYSES),
        "n": count("number of values in the analysis (one per scan)"),
        "n_patients": PATIENTS,
        "effective_n": number(
            "effective number of scans, (sum of weights)^2 / (sum of squared weights)",
            low=0,
            missing="the analysis has no weights or no result",
        ),
        "rho": RHO,
        "ci_low": CI_LOW,
        "ci_high": CI_HIGH,
        "log10_p_rho0": number(LOG10_P_RHO0, high=0, missing=NO_INTERVAL),
        "p_rho0": p_value(P_RHO0, NO_INTERVAL),
        "log10_p_independence": number(LOG10_P_INDEPENDENCE, high=0, missing=f"{REPEATED}, or scans have weights"),
        "p_independence": p_value(f"{P_INDEPENDENCE}; not adjusted", f"{REPEATED}, or scans have weights"),
        "difference": number(
            "`rho` minus the correlation under the rule set of the study (table `associations`)",
            low=-2,
            high=2,
            missing="no result in this analysis or under the rule set of the study",
        ),
        "reason": text("`ok`, or the reason for a missing result", among=OUTCOMES),
    },
)
