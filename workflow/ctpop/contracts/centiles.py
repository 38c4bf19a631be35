"""The centile curves of each sex, how well they fit, and where each patient stands on them."""

from ctpop.contracts.adjustment import OUTCOME
from ctpop.contracts.columns import OLDEST_YEARS, count, number, text
from ctpop.contracts.keys import ANALYSED, CENTILE_MODELS, MEASURE, PATIENTS, SCAN
from ctpop.contracts.tables import Table

SEX = text("sex as recorded", among=("female", "male"))
MODEL = text("distribution of the values at one age", among=CENTILE_MODELS)
NO_CURVE = "no curves; reason says why"
CENTILES_SHOWN = (3, 10, 25, 50, 75, 90, 97)

CENTILES = Table(
    "centiles",
    ("structure", "measure", "sex", "age_years"),
    "one row per structure, measure, sex and year of age that has curves: the curves, and the parameters that give any"
    " other centile and the z score of any value (docs/methods/centiles.md)",
    {
        "structure": ANALYSED,
        "measure": MEASURE,
        "sex": SEX,
        "age_years": number("age", "years", low=0, high=OLDEST_YEARS),
        **{
            f"centile_{centile:02d}": number(
                f"value that {centile} of 100 people of this sex and age are below", "ml or HU"
            )
            for centile in CENTILES_SHOWN
        },
        "model": MODEL,
        "location": number("M: the median of bccg, a location of shash", "ml or HU"),
        "spread": number("S: coefficient of variation of bccg, scale of shash", "1, or HU", low=0),
        "skew": number("L: power of bccg, skewness of shash"),
        "tail": number("T: tail weight of shash; 1 for bccg", low=0),
        "n": count("scans of this sex that the curves were fitted to"),
        "n_patients": PATIENTS,
        "n_near": count("those of the scans at most 5 years younger or older: few where a curve is uncertain"),
        "n_patients_near": count("different patients of the n_near scans", "patients"),
    },
)
CENTILE_CALIBRATION = Table(
    "centile_calibration",
    ("structure", "measure", "sex", "age_from", "age_to"),
    "one row per structure, measure, sex and band of ages: share of the scans below each curve. The row from 0 to"
    " 120 years is that of all ages, and says why there are no curves",
    {
        "structure": ANALYSED,
        "measure": MEASURE,
        "sex": SEX,
        "age_from": count("lowest age of the band (years)"),
        "age_to": count("age that the band ends before (years)"),
        "model": MODEL,
        "n": count("scans of this sex and band with a usable value"),
        "n_patients": PATIENTS,
        "z_mean": number("mean of the z scores; 0 if the curves fit", missing=NO_CURVE),
        "z_sd": number("sd of the z scores; 1 if the curves fit", low=0, missing=f"{NO_CURVE}, or one scan"),
        **{
            f"below_{centile:02d}": number(
                f"percentage of scans below the curve of {centile} %", "%", low=0, high=100, missing=NO_CURVE
            )
            for centile in CENTILES_SHOWN
        },
        "reason": OUTCOME,
    },
)
Z_SCORES = Table(
    "z_scores",
    ("scan_id", "structure", "measure"),
    "one row per usable value with curves: where it stands among people of the same age and sex",
    {
        "scan_id": SCAN,
        "structure": ANALYSED,
        "measure": MEASURE,
        "z": number("z score: 0 is the median, -1.88 the 3rd and 1.88 the 97th centile"),
        "centile": number("percentage of people of this age and sex below the value", "%", low=0, high=100),
    },
)
