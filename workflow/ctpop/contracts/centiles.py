"""Tables of centile curves by sex, of their models and calibration, and of the z scores of patients."""

from ctpop.contracts.adjustment import OUTCOME
from ctpop.contracts.columns import OLDEST_YEARS, Column, count, number, text, truth
from ctpop.contracts.keys import ANALYZED, CENTILE_MODELS, CENTILE_STATUS, MEASURE, OUTCOMES, PATIENTS, SCAN
from ctpop.contracts.tables import Table

SEX = text("recorded sex", among=("female", "male"))
MODEL = text("distribution of the values at a given age", among=CENTILE_MODELS)
NO_CURVE = "no curves were fitted (see `reason`)"
NOT_CROSS_VALIDATED = "no curves were fitted (see `reason`), or a fit of the cross-validation did not converge"
NO_STATISTIC = "the row is not an age quartile, no curves were fitted, or the band contains fewer than 20 patients"
NOT_CHOSEN = "the model was not chosen"
NO_SKEW = "the model was not chosen, or its L is 0"
NO_FIT = "no fit converged (see `status`)"
TOO_FEW_FOR_EXTREMES = "fewer patients than `aging.centiles_extreme_n_min` (see `extreme_reason`)"
CENTILES_SHOWN = (3, 10, 25, 50, 75, 90, 97)
EXTREMES_SHOWN = (3, 97)
BANDS = r"all|quartile_[1-4]|decade_\d{3}"
LISTED = "separated by semicolons"


def _ordinal(centile: int) -> str:
    return f"{centile}{'rd' if centile == 3 else 'th'}"


def _curve_columns() -> dict[str, Column]:
    columns = {}
    for centile in CENTILES_SHOWN:
        missing = TOO_FEW_FOR_EXTREMES if centile in EXTREMES_SHOWN else ""
        no_band = "; or ".join(
            [*([missing] if missing else []), "the standard errors of the model could not be estimated"]
        )
        columns[f"centile_{centile:02d}"] = number(
            f"value below which {centile}% of patients of this sex and age are expected", "mL or HU", missing=missing
        )
        for end, word in {"low": "lower", "high": "upper"}.items():
            columns[f"centile_{centile:02d}_{end}"] = number(
                f"{word} limit of the pointwise confidence interval (`aging.confidence`) of the {_ordinal(centile)}"
                " centile",
                "mL or HU",
                missing=no_band,
            )
    return columns


def _share_columns() -> dict[str, Column]:
    columns = {}
    for centile in CENTILES_SHOWN:
        columns[f"below_{centile:02d}"] = number(
            f"percentage of scans below the curve of the {_ordinal(centile)} centile in the cross-validation",
            "%",
            low=0,
            high=100,
            missing=NOT_CROSS_VALIDATED,
        )
        for end, word in {"low": "lower", "high": "upper"}.items():
            columns[f"below_{centile:02d}_{end}"] = number(
                f"{word} 95% limit of this percentage if the curves are correct (binomial distribution)",
                "%",
                low=0,
                high=100,
                missing=NOT_CROSS_VALIDATED,
            )
    return columns


CENTILES = Table(
    "centiles",
    ("structure", "measure", "sex", "age_years"),
    "centile curves: one row per structure, measure, sex, and year of age. Each row contains seven centiles with"
    " confidence intervals, and the parameters from which any other centile and the z score of any value can be"
    " computed",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "sex": SEX,
        "age_years": number("age", "years", low=0, high=OLDEST_YEARS),
        **_curve_columns(),
        "uncertain": truth(
            "whether a confidence interval of this row is wider than half of the distance between the 3rd and 50th"
            " centiles, or could not be estimated"
        ),
        "model": MODEL,
        "location": number(
            "parameter M: median for `bccg` and `bct`, mean for `normal`, location for `shash` (see"
            " docs/methods/centiles.md)",
            "mL or HU",
        ),
        "spread": number(
            "parameter S: coefficient of variation for `bccg` and `bct`, standard deviation for `normal`, scale for"
            " `shash`",
            "1 or HU",
            low=0,
        ),
        "skew": number("parameter L: power for `bccg` and `bct`, skewness for `shash`, 0 for `normal`"),
        "tail": number(
            "parameter T: degrees of freedom for `bct`, tail weight for `shash`, 1 for `bccg` and `normal`", low=0
        ),
        "n": count("number of scans of this sex to which the curves were fitted"),
        "n_patients": PATIENTS,
        "n_near": count(
            "number of these scans with an age within 5 years of the age in the row. A small number indicates an"
            " imprecise curve"
        ),
        "n_patients_near": count("number of patients among the `n_near` scans", "patients"),
        "extreme_reason": text(
            "`ok`, or the reason why the 3rd and 97th centiles are missing", among=("ok", "too_few")
        ),
    },
)
CENTILE_CALIBRATION = Table(
    "centile_calibration",
    ("structure", "measure", "sex", "band"),
    "calibration of the centile curves in a 10-fold cross-validation over patients: one row per structure, measure,"
    " sex, and age band. The row `all` includes all ages and contains the reason if no curves were fitted",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "sex": SEX,
        "band": text(
            "age band: `all`, a quartile of the ages of this sex (`quartile_1` to `quartile_4`), or a decade (such as"
            " `decade_040` for 40 to 49 years)",
            pattern=BANDS,
        ),
        "age_from": number("lower limit of the age band, included", "years", missing="no scans"),
        "age_to": number(
            "upper limit of the age band, excluded except in the rows `all` and `quartile_4`",
            "years",
            missing="no scans",
        ),
        "model": text("chosen model", among=CENTILE_MODELS, missing=NO_CURVE),
        "n": count("number of scans of this sex and age band with a usable value"),
        "n_patients": PATIENTS,
        **_share_columns(),
        "z1": number("test of the mean of the z scores, a z score if the curves are correct", missing=NO_STATISTIC),
        "z2": number("test of the standard deviation of the z scores, a z score", missing=NO_STATISTIC),
        "z3": number("test of the skewness of the z scores, a z score", missing=NO_STATISTIC),
        "z4": number("test of the kurtosis of the z scores, a z score", missing=NO_STATISTIC),
        "misfit": truth(
            "whether the curves do not fit: a percentage differs from its centile by more than 3.5 standard errors (row"
            " `all`), a statistic exceeds 3.5 in size in the band (quartiles) or in any band (row `all`), or the"
            " cross-validation did not converge (row `all`)",
            missing="no curves were fitted (see `reason`), or the row is a decade",
        ),
        "misfit_reason": text(
            "percentages and statistics that deviate (such as `below_03` or `quartile_4:z3`), or `unstable` if the"
            f" cross-validation did not converge, {LISTED}",
            missing="no misfit was found",
        ),
        "reason": OUTCOME,
    },
)
CENTILE_MODELS_TABLE = Table(
    "centile_models",
    ("structure", "measure", "sex", "model"),
    "candidate models of the centile curves: one row per structure, measure, sex, and model. The row of the chosen"
    " model contains everything that `ctpop score` needs to score new patients. The table contains no data of patients",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "sex": SEX,
        "model": MODEL,
        "status": text("outcome of the fit", among=CENTILE_STATUS),
        "chosen": truth("whether the model was chosen: the lowest BIC among the models with status `ok`"),
        "deviance": number("-2 times the log likelihood; each patient has the weight 1", missing=NO_FIT),
        "df": count("number of parameters", missing=NO_FIT),
        "aic": number("Akaike information criterion", missing=NO_FIT),
        "bic": number("Bayesian information criterion, with the number of patients as n", missing=NO_FIT),
        "n": count("number of scans with a usable value"),
        "n_patients": PATIENTS,
        "n_outliers": count(
            "number of scans whose values were set aside before the fit, because |z| is above 5", missing=NO_CURVE
        ),
        "n_patients_outliers": count("number of patients among the `n_outliers` scans", "patients", missing=NO_CURVE),
        "age_min": number("lowest age of the fitted scans", "years", missing=NO_FIT),
        "age_max": number("highest age of the fitted scans", "years", missing=NO_FIT),
        "unit": text("unit of the values", among=("mL", "HU")),
        "location_knots": text(f"knots of the location (years), {LISTED}", missing=NOT_CHOSEN),
        "location": text(
            f"location at its knots (ln mL for volumes, HU for attenuation), {LISTED}", missing=NOT_CHOSEN
        ),
        "spread_knots": text(f"knots of ln S (years), {LISTED}", missing=NOT_CHOSEN),
        "log_spread": text(f"ln S at its knots, {LISTED}", missing=NOT_CHOSEN),
        "skew_ages": text(
            f"ages (years) between which L is linear, {LISTED}; one age if L does not depend on age",
            missing=NO_SKEW,
        ),
        "skew": text(f"L at these ages, {LISTED}", missing=NO_SKEW),
        "log_tail": number("ln T; 0 for `bccg` and `normal`", missing=NOT_CHOSEN),
        "levels": text(
            "levels of the technical covariates (`aging.centiles_covariates`) as JSON: for each covariate, the groups"
            " of levels with a common effect",
            missing="the model was not chosen, or it contains no covariate",
        ),
        "location_effects": text(
            f"effects of all groups of levels except the last group of each covariate on the location, {LISTED}. The"
            " effects of a covariate sum to 0",
            missing="the model was not chosen, or it contains no covariate",
        ),
        "spread_effects": text(
            f"effects of the same groups on ln S, {LISTED}",
            missing="the model was not chosen, or it contains no covariate",
        ),
        "label_set": text("name of the label set"),
        "label_set_digest": text("digest of the labels of the label set", pattern="[0-9a-f]{16}"),
        "segmentation_model": text(
            "models that produced the label maps of the study, with the first digits of their SHA-256 checksums,"
            f" {LISTED}",
            missing="the label maps were not produced by this study",
        ),
        "ctpop_version": text("version of ctpop that fitted the models"),
        "reason": text("`ok`, or the reason why no model was chosen", among=OUTCOMES),
    },
)
CENTILE_WORMS = Table(
    "centile_worms",
    ("structure", "measure", "sex", "band", "expected"),
    "worm plots of the centile curves: one row per structure, measure, sex, age quartile, and quantile of the"
    " cross-validated z scores",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "sex": SEX,
        "band": text("quartile of the ages of this sex", pattern="quartile_[1-4]"),
        "expected": number("quantile of the standard normal distribution"),
        "deviation": number("quantile of the z scores minus `expected`; 0 if the curves are correct"),
        "limit": number("half width of the pointwise 95% interval of `deviation` if the curves are correct", low=0),
    },
)
Z_SCORES = Table(
    "z_scores",
    ("scan_id", "structure", "measure"),
    "position of each value among patients of the same age and sex: one row per usable value with fitted curves",
    {
        "scan_id": SCAN,
        "structure": ANALYZED,
        "measure": MEASURE,
        "z": number("z score: 0 at the median, -1.88 at the 3rd centile, and 1.88 at the 97th centile"),
        "centile": number("expected percentage of patients of this age and sex below the value", "%", low=0, high=100),
    },
)
