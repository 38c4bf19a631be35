"""The registry, and who of it is in the study."""

from typing import Any

from ctpop.columns import count, number, text, truth
from ctpop.contracts.keys import CRITERIA, SCAN
from ctpop.tables import Table

REGISTRY_COLUMNS: dict[str, Any] = {
    "scan_id": SCAN,
    "patient_id": text("pseudonymous identifier of the patient", missing="not recorded"),
    "age_years": number("age at the scan", "years", low=0, high=120, missing="not known"),
    "sex": text("sex as recorded", among=("female", "male"), missing="not recorded"),
    "ct_path": text("CT volume (NIfTI), absolute or relative to the registry's folder", missing="no CT"),
    "segmentation_path": text(
        "label map (NIfTI) or folder of masks, absolute or relative to the registry's folder",
        missing="none exists",
    ),
    "complete": truth("the images are complete", missing="not recorded"),
    "contrast": truth("a contrast agent was given", missing="not recorded"),
    "known_absent": text(
        "structures that the patient is known not to have, as after a splenectomy, separated by blanks or semicolons",
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
    REGISTRY_COLUMNS,
    open=True,
)
EXCLUSIONS = Table(
    "exclusions",
    ("scan_id", "order"),
    "one row per scan and criterion that it fails; the first one counts in the flow",
    {
        "scan_id": SCAN,
        "criterion": text("criterion that the scan fails", among=CRITERIA),
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
        "criterion": text("criterion", among=CRITERIA),
        "n_before": count("scans before the criterion", "scans"),
        "n_removed": count("scans that it removed", "scans"),
        "n_after": count("scans after it", "scans"),
    },
)
