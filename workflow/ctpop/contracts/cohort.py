"""Tables of the registry and of the cohort selection."""

from typing import Any

from ctpop.contracts.columns import OLDEST_YEARS, count, number, text, truth
from ctpop.contracts.keys import SCAN
from ctpop.contracts.tables import Table

REGISTRY_COLUMNS: dict[str, Any] = {
    "scan_id": SCAN,
    "patient_id": text("pseudonymous identifier of the patient", missing="not recorded"),
    "age_years": number("age at the time of the scan", "years", low=0, high=OLDEST_YEARS, missing="not recorded"),
    "sex": text("recorded sex", among=("female", "male"), missing="not recorded"),
    "ct_path": text(
        "path of the CT volume (NIfTI), absolute or relative to the folder of the registry", missing="no CT"
    ),
    "segmentation_path": text(
        "path of the label map (NIfTI) or folder of masks, absolute or relative to the folder of the registry",
        missing="no existing segmentation",
    ),
    "complete": truth("whether the images are complete (see `cohort.complete_from`)", missing="not recorded"),
    "contrast": truth("whether a contrast agent was administered (see `cohort.contrast_from`)", missing="not recorded"),
    "complete_header": truth(
        "whether the series is complete, according to the DICOM headers", missing="no headers were read"
    ),
    "contrast_header": truth(
        "whether a contrast agent was administered, according to the DICOM headers",
        missing="not recorded in the headers",
    ),
    "known_absent": text(
        "structures that the patient is known not to have (for example, after splenectomy), separated by blanks,"
        " commas, or semicolons",
        missing="no structure is known to be absent",
    ),
}

REGISTRY = Table(
    "registry",
    ("scan_id",),
    "scans of the registry (setting `study.registry`): one row per scan. Additional columns are kept",
    REGISTRY_COLUMNS,
    open=True,
)
COHORT = Table(
    "cohort",
    ("scan_id",),
    "included scans: one row per scan. Additional columns of the registry are kept",
    {
        **REGISTRY_COLUMNS,
        "source_conflict": text(
            "disagreement between the registry and the DICOM headers about `complete` or `contrast`: both values and"
            " the value used",
            missing="the values agree, or one of the values is missing",
        ),
    },
    open=True,
)
EXCLUSIONS = Table(
    "exclusions",
    ("scan_id", "order"),
    "criteria that scans fail: one row per scan and failed criterion. The flow diagram counts the first failed"
    " criterion of each scan",
    {
        "scan_id": SCAN,
        "patient_id": REGISTRY_COLUMNS["patient_id"],
        "criterion": text("name of the failed criterion"),
        "order": count("position of the criterion in the configuration", low=1),
        "found": text("value in the registry", missing="the registry contains no value"),
        "limit": text("requirement of the criterion"),
    },
)
FLOW = Table(
    "flow",
    ("order",),
    "numbers of scans before, excluded by, and after each criterion: one row per criterion",
    {
        "order": count("position of the criterion in the configuration", low=1),
        "criterion": text("name of the criterion"),
        "sentence": text("label of the excluded scans in the flow diagram"),
        "n_before": count("number of scans before the criterion", "scans"),
        "n_patients_before": count("number of patients among the `n_before` scans", "patients"),
        "n_removed": count("number of scans that the criterion excludes", "scans"),
        "n_patients_removed": count(
            "number of patients among the `n_removed` scans. Other scans of these patients may remain", "patients"
        ),
        "n_after": count("number of scans after the criterion (`n_before` - `n_removed`)", "scans"),
        "n_patients_after": count("number of patients among the `n_after` scans", "patients"),
    },
)
OVERLAP = Table(
    "overlap",
    ("order", "other_order"),
    "numbers of scans that fail two criteria: one row per pair of criteria. The row of a criterion that is paired with"
    " itself contains the number of all scans that fail this criterion",
    {
        "order": count("position of the criterion in the configuration", low=1),
        "criterion": text("name of the criterion"),
        "other_order": count("position of the other criterion", low=1),
        "other": text("name of the other criterion"),
        "n_both": count("number of scans that fail both criteria", "scans"),
        "n_patients_both": count("number of patients among the `n_both` scans", "patients"),
    },
)
