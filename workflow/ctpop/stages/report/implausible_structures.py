"""Structures and scans whose values are implausible for their names, in sentences."""

import pandas as pd

from ctpop.contracts.all_tables import IMPLAUSIBLE


def sentences(table: pd.DataFrame) -> list[str]:
    """Return sentences about the implausible structures of the table `plausibility`; none if all are plausible."""
    implausible = table[table["finding"].isin(IMPLAUSIBLE)]
    if implausible.empty:
        return []
    n_assessed = int(table["finding"].ne("not_assessable").sum())
    words = implausible["structure"] + " (" + implausible["finding"].replace("both", "volume and attenuation") + ")"
    first = ", ".join(words.head(3))
    found = [
        f"The values of {len(implausible)} of {n_assessed} structures are implausible for their names: {first}"
        f"{', and others' if len(implausible) > 3 else ''}. The tables plausibility and implausible_values list them."
    ]
    suggested = implausible.dropna(subset="suggestion").head(3)
    if len(suggested):
        names = ", ".join(f"{row.structure} may be {row.suggestion}" for row in suggested.itertuples())
        found.append(
            f"Other names of the same labels fit better: {names}. Check the setting structures and the numbers of the"
            " label maps before any result is used."
        )
    return found


def sentences_on_scans(scans: list[str]) -> list[str]:
    """Return sentences about scans with implausible values in many structures; none if there are no such scans."""
    if not scans:
        return []
    more = f" and {len(scans) - 3} more" if len(scans) > 3 else ""
    return [
        f"Many structures of {len(scans)} scans have implausible values: {', '.join(scans[:3])}{more}. Check that label"
        " map and CT belong together; a reviewer can exclude a scan (screen.review, structure *)."
    ]
