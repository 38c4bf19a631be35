"""Tables of centile curves by sex, of their calibration, and of the z scores of patients."""

from ctpop.contracts.adjustment import OUTCOME
from ctpop.contracts.columns import OLDEST_YEARS, count, number, text
from ctpop.contracts.keys import ANALYZED, CENTILE_MODELS, MEASURE, PATIENTS, SCAN
from ctpop.contracts.tables import Table

SEX = text("recorded sex", among=("female", "male"))
MODEL = text("distribution of the values at a given age", among=CENTILE_MODELS)
NO_CURVE = "no curves were fitted (see `reason`)"
CENTILES_SHOWN = (3, 10, 25, 50, 75, 90, 97)

CENTILES = Table(
    "centiles",
    ("structure", "measure", "sex", "age_years"),
    "centile curves: one row per structure, measure, sex, and year of age. Each row contains seven centiles, and the"
    " parameters from which any other centile and the z score of any value can be computed",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "sex": SEX,
        "age_years": number("age", "years", low=0, high=OLDEST_YEARS),
        **{
            f"centile_{centile:02d}": number(
                f"value below which {centile}% of patients of this sex and age are expected", "mL or HU"
            )
            for centile in CENTILES_SHOWN
        },
        "model": MODEL,
        "location": number(
            "parameter M: median for `bccg`, location for `shash` (see docs/methods/centiles.md)", "mL or HU"
        ),
        "spread": number("parameter S: coefficient of variation for `bccg`, scale for `shash`", "1 or HU", low=0),
        "skew": number("parameter L: power for `bccg`, skewness for `shash`"),
        "tail": number("parameter T: tail weight for `shash`, 1 for `bccg`", low=0),
        "n": count("number of scans of this sex to which the curves were fitted"),
        "n_patients": PATIENTS,
        "n_near": count(
            "number of these scans with an age within 5 years of the age in the row. A small number indicates an"
            " imprecise curve"
        ),
        "n_patients_near": count("number of patients among the `n_near` scans", "patients"),
    },
)
CENTILE_CALIBRATION = Table(
    "centile_calibration",
    ("structure", "measure", "sex", "age_from", "age_to"),
    "percentage of scans below each centile curve: one row per structure, measure, sex, and age band. The row from 0 to"
    " 120 years includes all ages and contains the reason if no curves were fitted",
    {
        "structure": ANALYZED,
        "measure": MEASURE,
        "sex": SEX,
        "age_from": count("lower limit of the age band, included (years)"),
        "age_to": count("upper limit of the age band, excluded (years)"),
        "model": MODEL,
        "n": count("number of scans of this sex and age band with a usable value"),
        "n_patients": PATIENTS,
        "z_mean": number("mean of the z scores; 0 if the curves fit", missing=NO_CURVE),
        "z_sd": number(
            "standard deviation of the z scores; 1 if the curves fit",
            low=0,
            missing="no curves were fitted (see `reason`), or the band contains one scan",
        ),
        **{
            f"below_{centile:02d}": number(
                f"percentage of scans below the curve of the {centile}{'rd' if centile == 3 else 'th'} centile",
                "%",
                low=0,
                high=100,
                missing=NO_CURVE,
            )
            for centile in CENTILES_SHOWN
        },
        "reason": OUTCOME,
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
