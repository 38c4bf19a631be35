"""The table of the cases that the gallery shows to a reviewer."""

from ctpop.contracts.columns import text
from ctpop.contracts.keys import CHOSEN, SCAN, STRUCTURE
from ctpop.contracts.tables import Table

REVIEW_CASES = Table(
    "review_cases",
    ("scan_id", "structure"),
    "one row per scan and structure in the gallery: cases flagged by a rule, cases with an extreme value, and a random"
    " sample, each with a mask to review",
    {
        "scan_id": SCAN,
        "structure": STRUCTURE,
        "chosen": text("reason for the selection of the case", among=CHOSEN),
        "image": text("path of the picture, relative to the folder `report/review`", missing="no picture was drawn"),
        "fingerprint": text(
            "digest of the content of the picture", pattern="[0-9a-f]{16}", missing="no picture was drawn"
        ),
        "detail": text("reason for a missing picture", missing="a picture was drawn"),
    },
)
