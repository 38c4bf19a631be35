"""The table of the cases that the gallery shows to a reviewer."""

from ctpop.contracts.columns import text
from ctpop.contracts.keys import CHOSEN, SCAN, STRUCTURE
from ctpop.contracts.tables import Table

REVIEW_CASES = Table(
    "review_cases",
    ("scan_id", "structure"),
    "cases in the gallery: one row per scan and structure. The cases are masks flagged by a rule, masks with an extreme"
    " value, and a random sample",
    {
        "scan_id": SCAN,
        "structure": STRUCTURE,
        "chosen": text("reason for the selection of the case", among=CHOSEN),
        "image": text("path of the image, relative to the folder `report/review`", missing="no image was drawn"),
        "fingerprint": text("digest of the content of the image", pattern="[0-9a-f]{16}", missing="no image was drawn"),
        "detail": text("reason for a missing image", missing="an image was drawn"),
    },
)
