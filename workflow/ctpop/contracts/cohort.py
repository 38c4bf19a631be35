"""The registry, and who of it is in the study."""

from typing import Any

from ctpop.contracts.columns import OLDEST_YEARS, count, number, text, truth
from ctpop.contracts.keys import SCAN
from ctpop.contracts.tables import Table

REGISTRY_COLUMNS: dict[str, Any] = {
    "scan_id": SCAN,
    "patient_id": text("pseudonymous identifier of the patient", missing="not recorded"),
    "age_years": number("age at the scan", "years", low=0, high=OLDEST_YEARS, missing="not known"),
    "sex": text("sex as recorded", among=("female", "male"), missing="not recorded"),
    "ct_path": text("CT volume (NIfTI), absolute or relative to the registry's folder", missing="no CT"),
    "segmentation_path": text(
        "label map (NIfTI) or folder of masks, absolute or relative to the registry's folder",
        missing="none exists",
    ),
    "complete": truth("the images are complete (cohort.complete_from)", missing="not recorded"),
    "contrast": truth("a contrast agent was given (cohort.contrast_from)", missing="not recorded"),
    "complete_header": truth("the headers of the images say that no image is missing", missing="no headers were read"),
    "contrast_header": truth("the headers of the images tell of a contrast agent", missing="they say nothing"),
    "known_absent": text(
        "structures that the patient is known not to have, as after a splenectomy, separated by blanks, commas or"
        " semicolons",
        missing="none is known",
    ),
}

REGISTRY = Table(
    "registry",
    ("scan_id",),
    "one row per scan of the registry as it was read; further columns of the registry are kept",
    REGISTRY_COLUMNS,
    open=True,
)
COHORT = Table(
    "cohort",
    ("scan_id",),
    "one row per scan that entered the study; further columns of the registry are kept",
    {
        **REGISTRY_COLUMNS,
        "source_conflict": text(
            "where registry and headers differ on complete or contrast: what each says, and what was taken",
            missing="they agree, or one of them says nothing",
        ),
    },
    open=True,
)
EXCLUSIONS = Table(
    "exclusions",
    ("scan_id", "order"),
    "one row per scan and criterion that it fails; the first one counts in the flow",
    {
        "scan_id": SCAN,
        "patient_id": REGISTRY_COLUMNS["patient_id"],
        "criterion": text("name of the criterion that the scan fails"),
        "order": count("position of the criterion, as configured", low=1),
        "found": text("what the registry says", missing="the registry says nothing"),
        "limit": text("what the criterion asks for"),
    },
)
FLOW = Table(
    "flow",
    ("order",),
    "one row per criterion: scans before, removed and after it; n_after = n_before - n_removed",
    {
        "order": count("position of the criterion, as configured", low=1),
        "criterion": text("name of the criterion"),
        "sentence": text("what the flow diagram says of those who fail it"),
        "n_before": count("scans before the criterion", "scans"),
        "n_patients_before": count("different patients among the n_before scans", "patients"),
        "n_removed": count("scans that it removed", "scans"),
        "n_patients_removed": count(
            "different patients among the n_removed scans; another scan of them may remain", "patients"
        ),
        "n_after": count("scans after it", "scans"),
        "n_patients_after": count("different patients among the n_after scans", "patients"),
    },
)
OVERLAP = Table(
    "overlap",
    ("order", "other_order"),
    "one row per pair of criteria: scans that fail both; of a criterion with itself: all that fail it",
    {
        "order": count("position of the criterion, as configured", low=1),
        "criterion": text("name of the criterion"),
        "other_order": count("position of the other criterion", low=1),
        "other": text("name of the other criterion"),
        "n_both": count("scans that fail both", "scans"),
        "n_patients_both": count("different patients among the n_both scans", "patients"),
    },
)
