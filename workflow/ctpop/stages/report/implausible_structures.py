"""Sentences on structures and scans with implausible values."""

import pandas as pd

from ctpop.contracts.all_tables import IMPLAUSIBLE
from ctpop.figures.formatting import count


def sentences(table: pd.DataFrame) -> list[str]:
    """Return sentences on the implausible structures of the table `plausibility`; an empty list if there are none."""
    implausible = table[table["finding"].isin(IMPLAUSIBLE)]
    if implausible.empty:
        return []
    n_assessed = int(table["finding"].ne("not_assessable").sum())
    words = implausible["structure"] + " (" + implausible["finding"].replace("both", "volume and attenuation") + ")"
    first = ", ".join(words.head(3))
    found = [
        f"The values of {len(implausible)} of {n_assessed} structures are implausible for their names: {first}"
        f"{', and others' if len(implausible) > 3 else ''}. See the tables plausibility and implausible_values."
    ]
    suggested = implausible.dropna(subset="suggestion").head(3)
    if len(suggested):
        names = ", ".join(f"{row.structure} may be {row.suggestion}" for row in suggested.itertuples())
        found.append(
            f"Other label names fit the values better: {names}. Check the setting structures and the label values of"
            " the label maps before using any result."
        )
    return found


def sentences_on_scans(scans: list[str]) -> list[str]:
    """Return sentences on scans with implausible values of many structures; an empty list if there are none."""
    if not scans:
        return []
    more = f" and {len(scans) - 3} more" if len(scans) > 3 else ""
    return [
        f"Many structures have implausible values in {count(len(scans), 'scan')}: {', '.join(scans[:3])}{more}. Check"
        " that the label map belongs to the CT. To exclude a scan, add a row with the structure * to the file of"
        " screen.review."
    ]
