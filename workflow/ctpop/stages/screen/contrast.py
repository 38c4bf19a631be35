"""The command `contrast`, which checks recorded contrast administration against attenuation.

Input: the tables `cohort`, `measures`, and `verdicts`. Output: the table `contrast_check`, with one row per scan of the
cohort. The attenuation of the aorta, kidneys, and portal vein is compared with the registry. No scan is excluded.
"""

import argparse
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ctpop.contracts.all_tables import COHORT, CONTRAST_CHECK, MEASURES_TABLE, VERDICTS
from ctpop.study import configuration

LOG = logging.getLogger(__name__)

PLACES = {  # structures of the label sets for each examined vessel or organ
    "aorta": ("aorta",),
    "kidneys": ("kidney_left", "kidney_right"),
    "portal_vein": ("portal_vein_and_splenic_vein",),
}
TRUSTED = (
    "ok",
    "truncated",
    "above_bound",
    "unequal_sides",
    "reviewer_kept",
)  # truncation does not change the attenuation of blood in a vessel


def looks_of(attenuation: pd.DataFrame, chosen: dict[str, Any]) -> pd.Series:
    """Return the contrast enhancement of scans (`codes.CONTRAST_LOOKS`) from a column of attenuation per `PLACES`."""
    # ASSUME: blood without contrast agent has 30 to 60 HU, so 70 and 100 leave a margin (docs/methods/cohort.md)
    low, high = chosen["contrast_unenhanced_below_hu"], chosen["contrast_enhanced_from_hu"]
    known = attenuation.notna()
    enhanced = attenuation.ge(high).any(axis="columns")
    unenhanced = (attenuation.lt(low) | ~known).all(axis="columns") & known["aorta"]
    looks = np.select(
        [~known.any(axis="columns"), enhanced, unenhanced], ["not_measured", "enhanced", "unenhanced"], "unclear"
    )
    return pd.Series(looks, index=attenuation.index, dtype="str")


def attenuation_of(measures: pd.DataFrame, verdicts: pd.DataFrame, scan_ids: pd.Series) -> pd.DataFrame:
    """Return the attenuation (HU) of each of `PLACES` in each scan, weighted by volume for the two kidneys."""
    wanted = [name for names in PLACES.values() for name in names]
    rows = measures.loc[measures["structure"].isin(wanted), ["scan_id", "structure", "volume_ml", "hu_mean"]]
    assessed = rows.merge(verdicts[["scan_id", "structure", "reason"]], on=["scan_id", "structure"], validate="1:1")
    kept = assessed[assessed["reason"].isin(TRUSTED) & assessed["hu_mean"].notna()]
    weights = kept["volume_ml"].fillna(1.0)
    found = {}
    for place, names in PLACES.items():
        here = kept["structure"].isin(names)
        scan, weight = kept.loc[here, "scan_id"], weights[here]
        sums = (kept.loc[here, "hu_mean"] * weight).groupby(scan).sum() / weight.groupby(scan).sum()
        found[place] = sums.reindex(scan_ids.to_numpy()).to_numpy(dtype=float)
    return pd.DataFrame(found)


def contrast_check(
    cohort: pd.DataFrame, measures: pd.DataFrame, verdicts: pd.DataFrame, chosen: dict[str, Any]
) -> pd.DataFrame:
    """Return the table `contrast_check`."""
    attenuation = attenuation_of(measures, verdicts, cohort["scan_id"])
    looks = looks_of(attenuation, chosen)
    seen = looks.map({"enhanced": True, "unenhanced": False}).astype("boolean")
    recorded = cohort["contrast"].reset_index(drop=True)
    return CONTRAST_CHECK.check(
        pd.DataFrame(
            {
                "scan_id": cohort["scan_id"].to_numpy(),
                "contrast": recorded,
                **{f"{place}_hu": attenuation[place] for place in PLACES},
                "looks": looks,
                "agrees": recorded.eq(seen),
            }
        )
    )


@dataclass(frozen=True)
class ContrastOptions:
    """Options of the command `contrast`, described by `ctpop contrast --help`."""

    cohort: Path
    measures: Path
    verdicts: Path
    config: Path | None
    out: Path


def run(options: ContrastOptions) -> None:
    """Read the cohort, measures, and verdicts, compare them, and write the table."""
    chosen = configuration.section("cohort", options.config)
    cohort = COHORT.read(options.cohort)
    measures = MEASURES_TABLE.read(options.measures, "volume_ml", "hu_mean")
    verdicts = VERDICTS.read(options.verdicts, "reason")
    found = CONTRAST_CHECK.write(contrast_check(cohort, measures, verdicts, chosen), options.out)
    looks = ", ".join(f"{n} {name}" for name, n in found["looks"].value_counts().sort_index().items())
    against = int(found["agrees"].eq(False).sum())
    LOG.info(
        "%d scans: %s; contradicting the recorded contrast administration: %d", len(found), looks or "none", against
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this stage."""
    parser.add_argument("--cohort", type=Path, required=True, help="Parquet with the included scans")
    parser.add_argument("--measures", type=Path, required=True, help="Parquet with the measures of all scans")
    parser.add_argument("--verdicts", type=Path, required=True, help="Parquet with the table verdicts")
    configuration.add_config_argument(parser, "cohort")
    parser.add_argument("--out", type=Path, required=True, help="output Parquet with one row per scan")
