"""Which measures can be trusted: decided on tables, in seconds, without touching an image.

In: measures and the lower bounds of the label set. Out: a verdict with a reason for each row, and the values that may
enter the statistics.
"""

import argparse
import logging
from pathlib import Path

import numpy as np
import pandas as pd

from ctpop import settings, structures
from ctpop.schema import ANALYSIS, MEASURES, MEASURES_TABLE, VERDICTS
from ctpop.structures import lower_bounds

LOG = logging.getLogger(__name__)


def judge(measures: pd.DataFrame, bounds: dict[str, float], *, use_truncated_hu: bool) -> pd.DataFrame:
    """Return a verdict for each row of measures.

    The first reason that holds is given, in this order: `not_in_model`, `not_segmented` (no label map, or it could
    not be measured), `absent` (no voxel), `truncated` (it reaches a face of the image, so that a small volume says
    nothing about the segmentation), `below_bound`, `ok`. A value that is not there is never usable.
    """
    bound = measures["structure"].map(bounds).astype("float64")
    absent = measures["n_voxels"].eq(0).fillna(False) | measures["volume_ml"].eq(0)
    reasons = {
        "not_in_model": measures["status"].eq("not_in_model"),
        "not_segmented": measures["status"].ne("measured"),
        "absent": absent.astype(bool),
        "truncated": measures["faces"].notna(),
        "below_bound": measures["volume_ml"].lt(bound),
    }
    reason = pd.Series(np.select(list(reasons.values()), list(reasons), "ok"), index=measures.index)
    trusted_hu = reason.eq("ok") | (reason.eq("truncated") & use_truncated_hu)
    return VERDICTS.check(
        pd.DataFrame(
            {
                "scan_id": measures["scan_id"],
                "structure": measures["structure"],
                "usable_volume": reason.eq("ok") & measures["volume_ml"].notna(),
                "usable_hu": trusted_hu & measures["hu_mean"].notna(),
                "reason": reason,
            }
        )
    )


def usable_values(measures: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return the values that may enter the statistics, one row each."""
    joined = measures.merge(verdicts, on=["scan_id", "structure"], validate="one_to_one")
    usable = {"volume_ml": "usable_volume", "hu_mean": "usable_hu"}
    frames = [
        joined.loc[joined[usable[measure]], ["scan_id", "structure", measure]]
        .rename(columns={measure: "value"})
        .assign(measure=measure)
        for measure in MEASURES
    ]
    return ANALYSIS.check(pd.concat(frames, ignore_index=True))


def run(options: argparse.Namespace) -> None:
    """Judge every row of measures, and write verdicts and analysis."""
    chosen = settings.section("screen", options.settings)
    measures = MEASURES_TABLE.read(options.measures)
    LOG.info("%d rows", len(measures))
    bounds = lower_bounds(structures.read(options.structures), chosen["lower_bound_ml"])
    verdicts = VERDICTS.write(judge(measures, bounds, use_truncated_hu=chosen["use_truncated_hu"]), options.verdicts)
    analysis = ANALYSIS.write(usable_values(measures, verdicts), options.analysis)
    counts = ", ".join(f"{n} {reason}" for reason, n in verdicts["reason"].value_counts().sort_index().items())
    LOG.info("%d rows = %s; %d values enter the statistics", len(verdicts), counts, len(analysis))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this stage."""
    parser.add_argument("--measures", type=Path, required=True, help="Parquet with the measures of all scans")
    parser.add_argument("--structures", required=True, help="label set with lower bounds: shipped name or CSV")
    parser.add_argument("--settings", default="{}", help="section screen of the configuration, as JSON")
    parser.add_argument("--verdicts", type=Path, required=True, help="Parquet to write: a verdict per row of measures")
    parser.add_argument("--analysis", type=Path, required=True, help="Parquet to write: values that may be used")
