"""Tables of the z scores of new patients, and of the adaptation of centile curves to their site."""

from ctpop.contracts.columns import OLDEST_YEARS, count, number, text, truth
from ctpop.contracts.keys import ADAPTATIONS, ANALYZED, CENTILE_MODELS, MEASURE, PATIENTS, SCAN, SCORE_OUTCOMES
from ctpop.contracts.tables import Table

NO_SCORE = "no z score was computed (see `reason`)"
SCORES = Table(
    "scores",
    ("scan_id", "structure", "measure"),
    "position of the values of new patients in the centile curves of another study (command `ctpop score`): one row per"
    " value",
    {
        "scan_id": SCAN,
        "structure": ANALYZED,
        "measure": MEASURE,
        "value": number("volume or mean attenuation", "mL or HU"),
        "age_years": number("age at the time of the scan", "years", low=0, high=OLDEST_YEARS, missing="not recorded"),
        "sex": text("recorded sex", among=("female", "male"), missing="not recorded"),
        "model": text("model of the curves", among=CENTILE_MODELS, missing=NO_SCORE),
        "z": number("z score, after adaptation to the site if `adaptation` is not `none`", missing=NO_SCORE),
        "z_se": number(
            "standard error of the z score due to the estimated offset of the site; 0 without adaptation",
            low=0,
            missing=NO_SCORE,
        ),
        "centile": number(
            "expected percentage of patients of this age and sex below the value",
            "%",
            low=0,
            high=100,
            missing=NO_SCORE,
        ),
        "outside_age_range": truth(
            "whether the age is outside the ages to which the curves were fitted; the curves are then extrapolated",
            missing=NO_SCORE,
        ),
        "unknown_level": truth(
            "whether a technical covariate of the curves is missing or has an unknown level; the mean of the levels is"
            " then used",
            missing=NO_SCORE,
        ),
        "adaptation": text("adaptation to the site of the reference patients", among=ADAPTATIONS),
        "reason": text("`ok`, or the reason for a missing z score", among=SCORE_OUTCOMES),
    },
)
NOT_ESTIMATED = "fewer than two reference patients have a z score"
SITE_SHIFTS = Table(
    "site_shifts",
    ("structure", "measure"),
    "z scores of the local reference patients (`ctpop score`, option `--reference`): one row per structure and measure",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "n": count("number of reference scans with a z score, the first of each patient"),
        "n_patients": PATIENTS,
        "shift": number("mean z score of the reference patients", missing=NOT_ESTIMATED),
        "shift_low": number("lower limit of the 95% confidence interval of `shift`", missing=NOT_ESTIMATED),
        "shift_high": number("upper limit of the 95% confidence interval of `shift`", missing=NOT_ESTIMATED),
        "sd": number("standard deviation of the z scores of the reference patients", low=0, missing=NOT_ESTIMATED),
        "sd_low": number("lower limit of the 95% confidence interval of `sd`", low=0, missing=NOT_ESTIMATED),
        "sd_high": number("upper limit of the 95% confidence interval of `sd`", low=0, missing=NOT_ESTIMATED),
        "adaptation": text("adaptation of the scores", among=ADAPTATIONS),
    },
)
