"""What a reviewer is shown."""

from ctpop.contracts.columns import text
from ctpop.contracts.keys import CHOSEN, SCAN, STRUCTURE
from ctpop.contracts.tables import Table

REVIEW_CASES = Table(
    "review_cases",
    ("scan_id", "structure"),
    "one row per case of the gallery: a scan and structure that the rules flag, one with an extreme value, or one of"
    " the random sample, with a mask to look at",
    {
        "scan_id": SCAN,
        "structure": STRUCTURE,
        "chosen": text("why it is shown", among=CHOSEN),
        "image": text("picture, relative to the folder report/review", missing="not drawn"),
        "fingerprint": text("digest of what the picture shows", pattern="[0-9a-f]{16}", missing="not drawn"),
        "detail": text("why nothing is drawn", missing="it is drawn"),
    },
)
